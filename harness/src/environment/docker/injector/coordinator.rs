//! A group that gets another coordinator: who leads its partition of the internal topic.

use super::down::PATIENCE;
use super::leader::{self, Moved};
use super::{Hands, LOOK_EVERY};
use crate::clock::Anchor;
use crate::environment::GROUP;
use crate::environment::docker::admin;
use crate::environment::local::brokers::name;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The topic whose partitions hold what groups have committed.
const INTERNAL_TOPIC: &str = "__consumer_offsets";

/// Gives the job's group another coordinator.
pub(super) async fn shift(hands: Hands) -> Result<Box<dyn Installed>, Refusal> {
    let partitions = async {
        let mut connection = hands.cluster.connect().await?;
        admin::metadata(&mut connection, &[INTERNAL_TOPIC]).await
    };
    let partitions = partitions.await.map_err(|error| Refusal::Failed(format!("{error:#}")))?;
    let index = slot(GROUP, partitions.partitions.len())
        .ok_or_else(|| Refusal::Failed(format!("there is no {INTERNAL_TOPIC}")))?;
    let what = Some(format!("group {GROUP} is coordinated"));
    let moved = leader::shift(hands.clone(), (INTERNAL_TOPIC.to_owned(), index), what).await?;
    Ok(Box::new(Shifted { hands, moved }))
}

/// The partition of the internal topic that a group belongs to: the hash that Java gives its id, of
/// so many (Kafka's `GroupCoordinatorService.partitionFor`). Nothing if there are none.
fn slot(group: &str, partitions: usize) -> Option<i32> {
    let add = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = group.encode_utf16().fold(0, add);
    // Kafka takes the least number, which has no opposite, for 0.
    hash.checked_abs().unwrap_or(0).checked_rem(i32::try_from(partitions).ok()?)
}

struct Shifted {
    hands: Hands,
    moved: Moved,
}

impl Shifted {
    /// Who coordinates now and did before; nothing while the new one does not know that it does.
    async fn sentence(&self) -> Option<String> {
        let sentence = self.moved.sentence().await?;
        (self.hands.cluster.coordinator() == Some(self.moved.to)).then_some(sentence)
    }

    async fn back(&self) -> Result<String, String> {
        let begun = Anchor::now();
        let Some(before) = self.moved.back().await.map_err(|error| format!("{error:#}"))? else {
            return Ok("left where it is: who coordinated before is not in sync".to_owned());
        };
        while self.hands.cluster.coordinator() != Some(before) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} does not coordinate after {PATIENCE:?}", name(before)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(format!("group {GROUP} is coordinated by {} again", name(before)))
    }
}

impl Installed for Shifted {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.back().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_belongs_to_the_partition_that_java_finds() {
        // "job".hashCode() is 105405, and this one's the least of all numbers.
        assert_eq!(slot("job", 3), Some(0));
        assert_eq!(slot("job", 50), Some(5));
        assert_eq!(slot("polygenelubricants", 50), Some(0));
        assert_eq!(slot("job", 0), None);
    }
}
