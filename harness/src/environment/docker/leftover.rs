//! What killed runs left in Docker: found by its labels, and removed.

use super::engine::{Belongings, Engine, EngineError};
use super::owner::Owner;
use std::fmt;

/// The containers, networks and volumes of an environment whose process has ended.
#[derive(Debug, Clone)]
pub struct LeftInDocker {
    environment: String,
    belongings: Belongings,
}

/// Finds what nobody owns any more; nothing where there is no daemon to ask.
///
/// # Errors
/// When the daemon answers and cannot say.
pub async fn find() -> Result<Vec<LeftInDocker>, EngineError> {
    let engine = match Engine::connect().await {
        Err(EngineError::NoDaemon(_)) => return Ok(Vec::new()),
        engine => engine?,
    };
    let found = engine.belongings().await?.into_iter();
    let abandoned = |belongings: &Belongings| {
        belongings.owner.parse().is_ok_and(|owner: Owner| !owner.may_live())
    };
    Ok(found
        .filter(|(_, belongings)| abandoned(belongings))
        .map(|(environment, belongings)| LeftInDocker { environment, belongings })
        .collect())
}

impl LeftInDocker {
    /// How many things there are.
    pub fn count(&self) -> usize {
        let Belongings { owner: _, containers, networks, volumes } = &self.belongings;
        containers.len() + networks.len() + volumes.len()
    }

    /// Removes them.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub async fn remove(&self) -> Result<(), EngineError> {
        Engine::connect().await?.remove(&self.belongings).await
    }
}

impl fmt::Display for LeftInDocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Belongings { owner, containers, networks, volumes } = &self.belongings;
        write!(f, "{} in Docker: its process {owner} has ended", self.environment)?;
        for (what, names) in [("container", containers), ("network", networks), ("volume", volumes)]
        {
            names.iter().try_for_each(|name| write!(f, "\n  {what} {name}"))?;
        }
        Ok(())
    }
}
