//! The label that ties a pod to the template it was made from.
//!
//! Source: `ComputeHash` and `SafeEncodeString` in Kubernetes' controller utilities. The hash is
//! FNV-1a as there, over the template's JSON, so that its value differs but its use does not.

use k8s_openapi::api::core::v1::PodTemplateSpec;

/// The label's name.
pub(super) const LABEL: &str = "pod-template-hash";

/// A short word without vowels that is equal for equal templates.
pub(super) fn template_hash(template: &PodTemplateSpec) -> Result<String, serde_json::Error> {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash: u32 = 0x811c_9dc5;
    for byte in serde_json::to_vec(template)? {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    Ok(hash.to_string().bytes().map(|digit| ALPHABET[usize::from(digit) % 27] as char).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_the_template() {
        let template = |name: &str| -> PodTemplateSpec {
            serde_json::from_value(serde_json::json!({
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": name, "command": ["sleep", "1"]}]}
            }))
            .unwrap()
        };
        let hash = template_hash(&template("one")).unwrap();
        assert_eq!(hash, template_hash(&template("one")).unwrap());
        assert_ne!(hash, template_hash(&template("two")).unwrap());
        assert!(hash.len() <= 10 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
