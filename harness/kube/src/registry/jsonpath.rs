//! The JSON paths of printer columns and scale definitions:
//! `.a.b`, `.a[0]`, `.a['key']`, `.a\.b`, `.list[?(@.type=="Ready")].status`, `.list[*].name`.

use serde_json::Value;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    All,
    Where(String, String),
}

/// The first value at the path, if the path can be read and leads anywhere.
pub(crate) fn first<'a>(path: &str, object: &'a Value) -> Option<&'a Value> {
    fn walk<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
        let [step, rest @ ..] = steps else { return Some(value) };
        match step {
            Step::Field(name) => walk(rest, value.get(name)?),
            Step::Index(index) => walk(rest, value.get(*index)?),
            Step::All => value.as_array()?.iter().find_map(|item| walk(rest, item)),
            Step::Where(field, wanted) => {
                let mut items = value.as_array()?.iter();
                let equal = |item: &&Value| match item.get(field) {
                    Some(Value::String(text)) => text == wanted,
                    Some(other) => {
                        serde_json::from_str(wanted).is_ok_and(|wanted: Value| *other == wanted)
                    }
                    None => false,
                };
                walk(rest, items.find(equal)?)
            }
        }
    }
    walk(&steps(path)?, object)
}

/// The plain fields of a path such as `.spec.replicas`; nothing if it is anything else.
pub(crate) fn fields(path: &str) -> Option<Vec<String>> {
    let named = |step| match step {
        Step::Field(name) => Some(name),
        _ => None,
    };
    steps(path)?.into_iter().map(named).collect()
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let path = path.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    let mut rest = path;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']')?;
            steps.push(bracket(&inner[..end])?);
            rest = &inner[end + 1..];
        } else {
            let (name, after) = field(rest.strip_prefix('.').unwrap_or(rest));
            if name.is_empty() && after.is_empty() {
                break;
            }
            if !name.is_empty() {
                steps.push(Step::Field(name));
            } else if !after.starts_with('[') {
                return None;
            }
            rest = after;
        }
    }
    Some(steps)
}

/// A field name up to the next unescaped `.` or `[`, and what follows.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '.' | '[' => return (name, &text[at..]),
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            other => name.push(other),
        }
    }
    (name, "")
}

fn bracket(inner: &str) -> Option<Step> {
    let quoted = |text: &str| {
        let text = text.trim();
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let bare = bare.or_else(|| text.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')));
        bare.unwrap_or(text).to_owned()
    };
    if inner == "*" {
        return Some(Step::All);
    }
    if let Some(condition) = inner.strip_prefix("?(").and_then(|text| text.strip_suffix(')')) {
        let (field, value) = condition.split_once("==")?;
        let field = field.trim().strip_prefix("@.")?.trim();
        return Some(Step::Where(field.to_owned(), quoted(value)));
    }
    match inner.parse() {
        Ok(index) => Some(Step::Index(index)),
        Err(_) => Some(Step::Field(quoted(inner))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_of_printer_columns_find_their_values() {
        let object = json!({
            "spec": { "replicas": 3 },
            "metadata": { "labels": { "a.b/c": "x" } },
            "status": { "conditions": [
                { "type": "Progressing", "status": "False" },
                { "type": "Ready", "status": "True" },
            ]},
        });
        let table = [
            (".spec.replicas", json!(3)),
            ("{.spec.replicas}", json!(3)),
            (r".metadata.labels.a\.b/c", json!("x")),
            (".metadata.labels['a.b/c']", json!("x")),
            (".status.conditions[1].type", json!("Ready")),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!("True")),
            (r#".status.conditions[?(@.type == 'Ready')].status"#, json!("True")),
            (".status.conditions[*].type", json!("Progressing")),
        ];
        for (path, wanted) in table {
            assert_eq!(first(path, &object), Some(&wanted), "{path}");
        }
        for path in [".spec.nothing", ".spec[", "..", ".a[?(x)]", "[]", "\\"] {
            assert_eq!(first(path, &object).filter(|found| *found != &object), None, "{path}");
        }
        assert_eq!(fields(".spec.replicas"), Some(vec!["spec".into(), "replicas".into()]));
        assert_eq!(fields(".spec[0]"), None);
    }
}
