//! Small, panic-free helpers over `serde_json::Value`.

use serde_json::{Map, Value};

/// Nesting past which documents are refused: `serde_json` reads no deeper either, and every
/// recursive walk in this crate relies on it.
pub(crate) const DEPTH_MAX: usize = 128;

/// The value at `path`, if every step is there.
pub(crate) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |inner, step| inner.get(step))
}

/// The string at `path`, or the empty string.
pub(crate) fn str_at<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The integer at `path`, if there is one.
pub(crate) fn int_at(value: &Value, path: &[&str]) -> Option<i64> {
    at(value, path).and_then(Value::as_i64)
}

/// The elements of the array at `path`, none when there is no array.
pub(crate) fn list_at<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The map inside `value`, which becomes an empty object if it was anything else.
pub(crate) fn object_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("the line above made it an object"),
    }
}

/// Sets the value at `path`, making objects on the way.
pub(crate) fn set_at(value: &mut Value, path: &[&str], leaf: Value) {
    match path {
        [] => *value = leaf,
        [step, rest @ ..] => {
            let inner = object_mut(value).entry((*step).to_owned()).or_insert(Value::Null);
            set_at(inner, rest, leaf);
        }
    }
}

/// Sets the value at `path` only where nothing, or null, is there yet.
pub(crate) fn default_at(value: &mut Value, path: &[&str], leaf: Value) {
    if at(value, path).is_none_or(Value::is_null) {
        set_at(value, path, leaf);
    }
}

/// Removes the value at `path` and returns it.
pub(crate) fn remove_at(value: &mut Value, path: &[&str]) -> Option<Value> {
    match path {
        [] => None,
        [last] => value.as_object_mut()?.remove(*last),
        [step, rest @ ..] => remove_at(value.get_mut(step)?, rest),
    }
}

/// How many levels of arrays and objects are nested, counted up to [`DEPTH_MAX`].
pub(crate) fn depth(value: &Value) -> usize {
    fn walk(value: &Value, level: usize) -> usize {
        if level >= DEPTH_MAX {
            return level;
        }
        match value {
            Value::Array(items) => {
                items.iter().map(|item| walk(item, level + 1)).max().unwrap_or(level + 1)
            }
            Value::Object(map) => {
                map.values().map(|item| walk(item, level + 1)).max().unwrap_or(level + 1)
            }
            _ => level,
        }
    }
    walk(value, 0)
}

/// How many bytes the value takes as JSON text.
pub(crate) fn encoded_len(value: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}
