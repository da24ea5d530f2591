//! SASL PLAIN (RFC 4616): authorization id, name and password, with zero bytes between.

use super::credentials::Credentials;
use super::session::Denied;

/// Checks a client's only message and gives the user's name.
pub(super) fn authenticate(message: &[u8], users: &Credentials) -> Result<String, Denied> {
    let text = String::from_utf8_lossy(message);
    let tokens: Vec<&str> = text.splitn(4, '\0').collect();
    let &[authorization, name, password] = tokens.as_slice() else {
        let count = tokens.len();
        return Err(Denied::Told(format!(
            "Invalid SASL/PLAIN response: expected 3 tokens, got {count}"
        )));
    };
    let denied = |reason: &str| Err(Denied::Told(format!("Authentication failed: {reason}")));
    if name.is_empty() {
        return denied("username not specified");
    }
    if password.is_empty() {
        return denied("password not specified");
    }
    if !users.has_password(name, password) {
        return denied("Invalid username or password");
    }
    if !authorization.is_empty() && authorization != name {
        return denied("Client requested an authorization id that is different from username");
    }
    Ok(name.to_owned())
}
