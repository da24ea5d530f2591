//! Choices read from the input; a spent input gives zeros.

use std::time::Duration;

use chaos::proxy::{Cut, Delay, Direction, Effect, JitterLaw, Keeps, Loss};

pub(crate) struct Draw<'a> {
    data: &'a [u8],
}

impl<'a> Draw<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let (first, rest) = self.data.split_first().unwrap_or((&0, &[]));
        self.data = rest;
        *first
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// Everything not read yet.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.data)
    }

    pub(crate) fn direction(&mut self) -> Direction {
        match self.byte() % 3 {
            0 => Direction::Both,
            1 => Direction::ToServer,
            _ => Direction::ToClient,
        }
    }

    pub(crate) fn effect(&mut self) -> Effect {
        match self.byte() % 8 {
            0 => Effect::Hold,
            1 => Effect::Delay(self.delay(JitterLaw::Even)),
            2 => Effect::Delay(self.delay(JitterLaw::HeavyTail)),
            3 => Effect::Loss(self.loss()),
            4 => Effect::Bandwidth { bytes_per_s: u64::from(self.byte()) << (self.byte() % 24) },
            5 => Effect::SlowClose { delay: self.micros() },
            _ => Effect::Cut(self.cut()),
        }
    }

    fn micros(&mut self) -> Duration {
        Duration::from_micros(u64::from(self.byte()) * 20)
    }

    fn delay(&mut self, law: JitterLaw) -> Delay {
        Delay { delay: self.micros(), jitter: self.micros(), law }
    }

    fn loss(&mut self) -> Loss {
        let share = f64::from(self.byte()) / 256.0;
        let burst = self.flag().then(|| 1.0 + f64::from(self.byte()) / 8.0);
        Loss { share, burst, round_trip: self.micros(), timeout: self.micros() }
    }

    fn cut(&mut self) -> Cut {
        let keeps = match self.byte() % 4 {
            0 => Keeps::Neither,
            1 => Keeps::Client,
            2 => Keeps::Server,
            _ => Keeps::Both,
        };
        Cut { after: self.micros(), keeps, newcomers: self.flag() }
    }
}
