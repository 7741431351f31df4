//! Secrets as stores and signers use them: read again whenever one is needed, because they change while the process runs.

use crate::config::{Secret, SecretSource};

/// Longer than any password, key or session token.
const MAX_SECRET_BYTES: u64 = 16 << 10;

/// The secret of this moment, or why its file cannot be used; never the secret itself.
pub async fn read(source: &SecretSource) -> Result<Secret, String> {
    let path = match source {
        SecretSource::Environment { value, .. } => return Ok(value.clone()),
        SecretSource::File(path) => path,
    };
    let unreadable = |reason: String| format!("file {} cannot be used: {reason}", path.display());
    let length = tokio::fs::metadata(path).await.map_err(|error| unreadable(error.to_string()))?.len();
    if length > MAX_SECRET_BYTES {
        return Err(unreadable(format!("it is larger than {MAX_SECRET_BYTES} bytes")));
    }
    let text = tokio::fs::read(path).await.map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    // Editors end a file with a line break, and no secret ends with one.
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(unreadable("it is empty".to_owned()));
    }
    Ok(Secret::new(secret))
}
