//! Trials of cases, where real time may make them flaky.

/// What came of one trial of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It failed, in the way that is looked for.
    Failed,
    /// It did not.
    Kept,
    /// Nothing can be said: the trial was not valid, or failed in another way.
    Nothing,
    /// Nothing more may be tried.
    Stop,
}

/// How much may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most trials of one case before it is let go.
    pub repeats: u32,
    /// How often the first and the last case are tried to say how often they fail.
    pub confirm: u32,
    /// The most trials in all, those of the last case left out.
    pub trials: u32,
}

/// How often a case failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trials that failed.
    pub failed: u32,
    /// Trials of which that could be told.
    pub tried: u32,
}

impl Tally {
    /// An estimate of how often the case fails that is never 0 or 1: the rule of succession
    /// (Laplace, 1774).
    pub fn expected(self) -> f64 {
        f64::from(self.failed + 1) / f64::from(self.tried + 2)
    }
}

/// With at most this probability a case is let go that fails as often as was expected.
pub const LET_GO_MAX: f64 = 0.1;

/// Trials that are repeated, remembered, bounded and counted.
#[derive(Debug)]
pub struct Trials<C, F, G> {
    try_once: F,
    may_go_on: G,
    limits: Limits,
    /// Trials that have to be kept for a case to be let go.
    repeats: u32,
    spent: u32,
    is_over: bool,
    known: Vec<(C, Known)>,
}

/// What trials said of a case so far.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    fails: bool,
    kept: u32,
    unclear: u32,
}

impl<C, F, G> Trials<C, F, G>
where
    C: Clone + PartialEq,
    F: AsyncFnMut(&C) -> Said,
    G: FnMut() -> bool,
{
    /// Trials within limits. Until more is known, one that is kept speaks for its case.
    pub fn new(limits: Limits, may_go_on: G, try_once: F) -> Self {
        let known = Vec::new();
        Self { try_once, may_go_on, limits, repeats: 1, spent: 0, is_over: false, known }
    }

    /// Repeats trials from now on as cases need that fail as often as this one.
    pub fn expect(&mut self, tally: Tally) {
        let missed = 1.0 - tally.expected();
        let needed = LET_GO_MAX.ln() / missed.ln();
        self.repeats = (needed.ceil() as u32).clamp(1, self.limits.repeats.max(1));
    }

    /// Whether a case fails: in any of as many trials as are needed. What is known counts and is not
    /// tried again; when nothing more may be tried, no case fails.
    pub async fn fails(&mut self, case: &C) -> bool {
        let place = self.known.iter().position(|(known, _)| known == case);
        let place = place.unwrap_or_else(|| {
            self.known.push((case.clone(), Known::default()));
            self.known.len() - 1
        });
        loop {
            let Known { fails, kept, unclear } = self.known[place].1;
            if fails || kept >= self.repeats || unclear > self.repeats {
                return fails;
            }
            let said = self.once(case).await;
            let known = &mut self.known[place].1;
            match said {
                Said::Failed => known.fails = true,
                Said::Kept => known.kept += 1,
                Said::Nothing => known.unclear += 1,
                Said::Stop => return false,
            }
        }
    }

    /// Tries a case anew, as often as it takes to say how often it fails.
    pub async fn again(&mut self, case: &C) -> Tally {
        let mut tally = Tally::default();
        for _ in 0..self.limits.confirm {
            let said = (self.try_once)(case).await;
            self.note(said);
            match said {
                Said::Failed => tally = Tally { failed: tally.failed + 1, tried: tally.tried + 1 },
                Said::Kept => tally.tried += 1,
                Said::Nothing => {}
                Said::Stop => break,
            }
        }
        tally
    }

    /// Trials so far.
    pub fn spent(&self) -> u32 {
        self.spent
    }

    /// Whether something was left untried.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    async fn once(&mut self, case: &C) -> Said {
        self.is_over |= self.spent >= self.limits.trials || !(self.may_go_on)();
        if self.is_over {
            return Said::Stop;
        }
        let said = (self.try_once)(case).await;
        self.note(said);
        said
    }

    fn note(&mut self, said: Said) {
        match said {
            Said::Stop => self.is_over = true,
            Said::Failed | Said::Kept | Said::Nothing => self.spent += 1,
        }
    }
}
