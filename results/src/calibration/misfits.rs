//! What a calibration has to say to a gate.

use super::Calibration;
use crate::gate::DuetSetting;
use crate::record::{Machine, Program};
use crate::report::format::percent;
use crate::statistics::duet::{POWER, Rules};

impl Calibration {
    /// Why the calibration does not hold for a duet of `program` on `machine`, or what it says
    /// against one; a sentence each.
    pub fn misfits(
        &self,
        setting: &DuetSetting,
        machine: Option<&Machine>,
        program: Option<&Program>,
    ) -> Vec<String> {
        let mut misfits = Vec::new();
        let mut differs = |what: &str, here: String, there: String| {
            if here != there {
                misfits.push(format!("The calibration is of {what} {there}, this is of {here}."));
            }
        };
        let (here, there) = (&setting.rules, &self.rules);
        let shown = |share: f64| format!("{} %", percent(share));
        let pairs = |rules: &Rules| format!("{} to {} pairs", rules.pairs_min, rules.pairs_max);
        differs("the scenario", setting.scenario.clone(), self.scenario.clone());
        differs("the digest", setting.digest.clone(), self.digest.clone());
        differs("the strategy", setting.strategy.clone(), self.strategy.clone());
        differs("the tolerance", shown(here.tolerance), shown(there.tolerance));
        differs("the error rate", shown(here.alpha), shown(there.alpha));
        differs("the budget", pairs(here), pairs(there));
        if let Some(machine) = machine.filter(|machine| !machine.is_like(&self.machine)) {
            differs("the machine", machine.summary(), self.machine.summary());
        }
        if let Some(program) = program {
            differs("the profile", program.profile.clone(), self.program.profile.clone());
        }
        misfits.extend(self.worries());
        misfits
    }

    /// What the calibration says against the gate that it tried; a sentence each.
    pub fn worries(&self) -> Vec<String> {
        let mut worries = Vec::new();
        if self.power.share < POWER {
            let needed = self.pairs_needed.map_or("more pairs than any".into(), |n| n.to_string());
            worries.push(format!(
                "By the calibration the gate finds {} % more in {} % of all cases only; one look \
                 needs {needed} pairs for {} %, and {} are allowed.",
                percent(self.change),
                percent(self.power.share),
                percent(POWER),
                self.rules.pairs_max,
            ));
        }
        if self.false_alarms.low > self.rules.alpha {
            worries.push(format!(
                "By the calibration the gate fails programs that are alike in {} % of all cases.",
                percent(self.false_alarms.share)
            ));
        }
        if self.measured.alarms(self.rules.alpha) {
            worries.push(format!(
                "Of the {} gates over the calibration's pairs as they were measured {} fail, \
                 although the program is the same.",
                self.measured.gates, self.measured.failed
            ));
        }
        worries
    }
}
