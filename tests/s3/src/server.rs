//! The S3 server that tests run against: the Ceph of `tests/ceph/s3-server`, or, where `SLUSS_TEST_S3` has its endpoint, another one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// The variable that names another server, as `https://s3.example`; its credentials are in the variables that other programs read, too:
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_REGION`.
pub const REAL: &str = "SLUSS_TEST_S3";

/// Where a server is, and who may use it.
#[derive(Debug, Clone)]
pub struct Server {
    pub endpoint: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    /// The least that it takes as a part which is not the last one.
    pub least_part_bytes: u64,
}

impl Server {
    /// The one that all tests share.
    ///
    /// # Panics
    ///
    /// Where there is none: a test cannot go on without it, and one that was skipped would prove nothing.
    pub fn shared() -> &'static Self {
        static FOUND: OnceLock<Server> = OnceLock::new();
        FOUND.get_or_init(|| Self::named().unwrap_or_else(|| Self::of_script(&[])))
    }

    /// The server of the script, if it runs with these settings.
    pub(crate) fn of_script(settings: &[(&str, String)]) -> Self {
        let status = script(settings, "status");
        assert!(
            status.status.success(),
            "no S3 server answers ({}); start one with\n    tests/ceph/s3-server start",
            String::from_utf8_lossy(&status.stderr).trim()
        );
        let printed = script(settings, "env").stdout;
        let variables = exports(&String::from_utf8_lossy(&printed));
        Self::of(|name| variables.get(name).cloned(), "AWS_ENDPOINT_URL")
    }

    fn named() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
        let variable = |name: &str| std::env::var(name).ok();
        variable(REAL).map(|_| Self { least_part_bytes: 5 << 20, ..Self::of(variable, REAL) })
    }

    fn of(variable: impl Fn(&str) -> Option<String>, endpoint: &str) -> Self {
        let need = |name: &str| variable(name).unwrap_or_else(|| panic!("{name} is not set"));
        Self {
            endpoint: need(endpoint),
            region: need("AWS_REGION"),
            access_key: need("AWS_ACCESS_KEY_ID"),
            secret_key: need("AWS_SECRET_ACCESS_KEY"),
            // As the script sets Ceph up.
            least_part_bytes: 64 << 10,
        }
    }

    /// A client of the tests' own. It asks once: who looks at what a server does wants no retries.
    pub fn client(&self) -> Client {
        let tls = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(tls.build_https())
            .endpoint_url(&self.endpoint)
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(&self.access_key, &self.secret_key, None, None, "test"))
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Client::from_conf(config.build())
    }
}

/// Runs the script with these settings to its end.
pub(crate) fn script(settings: &[(&str, String)], command: &str) -> Output {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ceph/s3-server");
    let run = Command::new(&path).arg(command).envs(settings.iter().cloned()).output();
    run.unwrap_or_else(|error| panic!("{} cannot be run: {error}", path.display()))
}

/// What `export NAME=value` lines set.
fn exports(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_lines_are_read_and_others_are_not() {
        let read = exports("export AWS_REGION=us-east-1\nunset AWS_PROFILE\nexport KEY=a=b\n");
        assert_eq!(read.into_iter().collect::<Vec<_>>(), [("AWS_REGION".into(), "us-east-1".into()), ("KEY".into(), "a=b".into())]);
    }
}
