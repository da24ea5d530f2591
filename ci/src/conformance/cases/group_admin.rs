//! What is seen of groups from outside, and deleting them.

use kafka_protocol::messages::*;

use super::groups::{delete, describe, group, leaving, settled};
use super::{Case, case};
use crate::conformance::names::{error, group_id, text};

pub(crate) const CASES: &[Case] = &[
    case(
        "groups/described in each state",
        |c| {
            let (group, broker) = group(c)?;
            describe(c, broker, &group)?;
            let (member, _) = settled(c, &group, broker)?;
            describe(c, broker, &group)?;
            c.ask(broker, 5, &leaving(&group, &[&member]))?;
            describe(c, broker, &group)
        },
        &[
            "GROUP_ID_NOT_FOUND Dead '' '' []",
            "NONE Stable 'consumer' 'range' [\"conformance /address 10 8\"]",
            "NONE Empty 'consumer' '' []",
        ],
    ),
    case(
        "groups/deleted",
        |c| {
            let (group, broker) = group(c)?;
            delete(c, broker, &group)?;
            let (member, _) = settled(c, &group, broker)?;
            delete(c, broker, &group)?;
            c.ask(broker, 5, &leaving(&group, &[&member]))?;
            delete(c, broker, &group)?;
            describe(c, broker, &group)
        },
        &[
            "deleted GROUP_ID_NOT_FOUND",
            "deleted NON_EMPTY_GROUP",
            "deleted NONE",
            "GROUP_ID_NOT_FOUND Dead '' '' []",
        ],
    ),
    case(
        "groups/listed by state and type",
        |c| {
            let (group, broker) = group(c)?;
            settled(c, &group, broker)?;
            for (states, types) in [
                (vec![], vec![]),
                (vec!["Stable"], vec![]),
                (vec!["Empty"], vec![]),
                (vec![], vec!["classic"]),
                (vec![], vec!["consumer"]),
                (vec!["stable"], vec!["Classic"]),
            ] {
                let request = ListGroupsRequest::default()
                    .with_states_filter(states.iter().map(|state| text(state)).collect())
                    .with_types_filter(types.iter().map(|kind| text(kind)).collect());
                let answer = c.ask(broker, 5, &request)?;
                let found = answer.groups.iter().find(|found| found.group_id == group_id(&group));
                let found = found.map(|found| {
                    let (state, kind) = (&*found.group_state, &*found.group_type);
                    format!("{state} {kind} {}", &*found.protocol_type)
                });
                c.see(format!("{} {found:?}", error(answer.error_code)));
            }
            Ok(())
        },
        &[
            "NONE Some(\"Stable classic consumer\")",
            "NONE Some(\"Stable classic consumer\")",
            "NONE None",
            "NONE Some(\"Stable classic consumer\")",
            "NONE None",
            "NONE Some(\"Stable classic consumer\")",
        ],
    ),
];
