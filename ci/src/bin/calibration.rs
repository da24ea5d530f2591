//! Counts how often decisions err on synthetic noise, and prints a table in markdown. Exits 1
//! when a target is missed.

use ci::calibration::noise::Noise;
use ci::calibration::table::{HEAD, Line, Target};
use ci::calibration::{Setting, duets, histories};
use clap::Parser;
use results::statistics::changes::ChangeRules;
use results::statistics::duet::Rules;
use std::io::{self, Write};
use std::process::ExitCode;

/// The values of the histories: what a quarter of a year of working days gives, and less.
const HISTORY_VALUES: [usize; 2] = [100, 50];

/// Counts false alarms and missed changes of the duet's decision and of change points.
#[derive(Debug, Parser)]
struct Args {
    /// Where the random numbers start: the same seed gives the same table
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Standard deviation of ln(p99 / p99) of a pair of windows of one program: `noise` of a
    /// machine's `stormgauge calibrate -o json`
    #[arg(long, default_value_t = 0.06)]
    noise: f64,
    /// Duets for each line
    #[arg(long, default_value_t = 10_000)]
    duets: u32,
    /// Histories for each line
    #[arg(long, default_value_t = 2_000)]
    histories: u32,
}

fn main() -> io::Result<ExitCode> {
    let args = Args::parse();
    let setting = Setting { seed: args.seed, noise: args.noise };
    let mut out = io::stdout();
    writeln!(out, "# How often decisions err\n")?;
    writeln!(
        out,
        "Printed by `ci/calibration --seed {} --noise {} --duets {} --histories {}`.\n",
        args.seed, args.noise, args.duets, args.histories
    )?;
    writeln!(out, "{HEAD}")?;
    let mut all_met = true;
    let mut print = |line: Line| {
        all_met &= line.met();
        writeln!(out, "{}", line.row())
    };
    duet_errors(&args, &setting, &mut print)?;
    duet_power(&args, &setting, &mut print)?;
    history_errors(&args, &setting, &mut print)?;
    history_power(&args, &setting, &mut print)?;
    if !all_met {
        writeln!(io::stderr(), "calibration: a target is missed: see the lines with `short`")?;
    }
    Ok(if all_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// At the tolerance itself both decisions are wrong as often as they ever may be.
fn duet_errors(
    args: &Args,
    setting: &Setting,
    print: &mut impl FnMut(Line) -> io::Result<()>,
) -> io::Result<()> {
    for (row, noise) in (0..).zip(Noise::ALL) {
        let strict = Rules { tolerance: 0.0, ..Rules::default() };
        let ends = duets::play(setting, row, args.duets, (noise, 0.0), &strict);
        let line = |what: &str, count, target| Line {
            what: what.to_owned(),
            noise: noise.words(),
            count,
            trials: ends.duets,
            target,
        };
        print(line("duet, A/A, none tolerated: fails", ends.failed, Target::Errors))?;
        print(line("duet, as slow as tolerated: passes", ends.passed, Target::Errors))?;
    }
    for (row, noise) in (10..).zip(Noise::ALL) {
        let ends = duets::play(setting, row, args.duets, (noise, 0.0), &Rules::default());
        let line = |what: &str, count, target| Line {
            what: what.to_owned(),
            noise: noise.words(),
            count,
            trials: ends.duets,
            target,
        };
        print(line("duet, A/A, 5 % tolerated: fails", ends.failed, Target::Errors))?;
        let passes = format!("duet, A/A, 5 % tolerated: passes, in {} pairs", ends.pairs);
        print(line(&passes, ends.passed, Target::None))?;
    }
    Ok(())
}

fn duet_power(
    args: &Args,
    setting: &Setting,
    print: &mut impl FnMut(Line) -> io::Result<()>,
) -> io::Result<()> {
    let cases = [(0.0, 0.05, Target::Found), (0.05, 0.1, Target::None)];
    for (row, (tolerance, change, target)) in (20..).zip(cases) {
        let rules = Rules { tolerance, ..Rules::default() };
        let ends = duets::play(setting, row, args.duets, (Noise::Independent, change), &rules);
        let percent = |share: f64| share * 100.0;
        print(Line {
            what: format!(
                "duet, {:+.0} %, {:.0} % tolerated: fails, in {} pairs of at most {}",
                percent(change),
                percent(tolerance),
                ends.pairs,
                rules.pairs_max
            ),
            noise: format!("independent, {} a pair", setting.noise),
            count: ends.failed,
            trials: ends.duets,
            target,
        })?;
    }
    Ok(())
}

fn history_errors(
    args: &Args,
    setting: &Setting,
    print: &mut impl FnMut(Line) -> io::Result<()>,
) -> io::Result<()> {
    let rules = ChangeRules::default();
    let cases = HISTORY_VALUES.iter().flat_map(|values| Noise::ALL.map(|noise| (noise, *values)));
    for (row, (noise, values)) in (30..).zip(cases) {
        let count = histories::alarms(setting, row, args.histories, (noise, values), &rules);
        print(Line {
            what: format!("history of {values}, no change: alarms"),
            noise: noise.words(),
            count,
            trials: args.histories.into(),
            target: Target::Errors,
        })?;
    }
    Ok(())
}

fn history_power(
    args: &Args,
    setting: &Setting,
    print: &mut impl FnMut(Line) -> io::Result<()>,
) -> io::Result<()> {
    let rules = ChangeRules::default();
    let values = HISTORY_VALUES[0];
    let histories = args.histories.div_ceil(10);
    let cases: [(Noise, &[f64]); 9] = [
        (Noise::Independent, &[0.0, 2.0]),
        (Noise::Independent, &[0.0, 3.0]),
        (Noise::Independent, &[0.0, 4.0]),
        (Noise::Correlated(0.5), &[0.0, 4.0]),
        (Noise::Correlated(0.8), &[0.0, 6.0]),
        (Noise::Independent, &[0.0, 5.0, 10.0]),
        (Noise::Independent, &[0.0, 5.0, 0.0]),
        (Noise::Independent, &[0.0, 5.0, 0.0, 5.0]),
        (Noise::Bursty, &[0.0, 30.0, 0.0, 30.0]),
    ];
    for (row, (noise, levels)) in (50..).zip(cases) {
        let count = histories::found(setting, row, histories, (noise, values, levels), &rules);
        let words: Vec<String> = levels.iter().map(f64::to_string).collect();
        print(Line {
            what: format!(
                "history of {values}, levels of {} deviations: found, and nothing else",
                words.join(", ")
            ),
            noise: noise.words(),
            count,
            trials: histories.into(),
            target: Target::None,
        })?;
    }
    Ok(())
}
