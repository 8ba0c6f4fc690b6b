//! Which store does a URL name, and with what options is it asked?
//!
//! ```text
//! s3://bucket/prefix                        AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT, AWS_ALLOW_HTTP, ...
//! gs://bucket/prefix                        GOOGLE_SERVICE_ACCOUNT, GOOGLE_APPLICATION_CREDENTIALS, ...
//! az://container/prefix                     AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY, ...
//! abfss://container@account.dfs.core.windows.net/prefix
//! file:///folder, or a folder
//! ```
//!
//! The names of the options are `object_store`'s own. The client underneath asks once: [`Store`](crate::Store) is the one
//! place where a request is repeated. Absent: files of profiles such as `~/.aws`, which the client does not read.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::limit::LimitStore;
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};

use crate::{Error, Result};

/// How many requests are under way at the same time, for one opened store.
const REQUESTS: usize = 64;

/// How long one request may take, from connecting to the last byte, unless the environment says otherwise.
const TIMEOUT: &str = "60 seconds";

/// How long connecting may take.
const CONNECT_TIMEOUT: &str = "5 seconds";

/// What stands between a scheme and the rest of a URL.
const AFTER_SCHEME: &str = "://";

/// A place in an object store: a bucket, and a prefix in it.
///
/// ```
/// use tidegate_ledger::StoreUrl;
///
/// let url: StoreUrl = "s3://telemetry/eu/tidegate/".parse()?;
/// assert_eq!(url.bucket(), "s3://telemetry");
/// assert_eq!(url.prefix(), "eu/tidegate");
/// assert_eq!(url.to_string(), "s3://telemetry/eu/tidegate");
/// assert_eq!(url.join("landing/").to_string(), "s3://telemetry/eu/tidegate/landing");
/// # Ok::<(), tidegate_ledger::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl {
    kind: Kind,
    /// `s3://bucket`, as it was written.
    bucket: String,
    prefix: Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
    Azure,
}

impl StoreUrl {
    /// Whether a text is a URL, of whatever kind, and not a folder.
    pub fn is_url(text: &str) -> bool {
        text.contains(AFTER_SCHEME)
    }

    /// The folder of a `file://` URL.
    ///
    /// # Errors
    /// [`Error::BadUrl`] when it names another machine.
    pub fn folder(text: &str) -> Result<Option<String>> {
        let Some(rest) = text.strip_prefix("file://") else { return Ok(None) };
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(bad(text, "a file URL names a folder of this machine, as in file:///var/lib/tidegate"));
        }
        let decoded = Path::from_url_path(path).map_err(|_| bad(text, "its path is not a path"))?;
        Ok(Some(format!("/{decoded}")))
    }

    /// The bucket or container, without a path.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The path in the bucket; empty for the whole of it.
    pub fn prefix(&self) -> &str {
        self.prefix.as_ref()
    }

    /// A place below this one; a URL stands for itself.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let prefix = path.split('/').filter(|part| !part.is_empty()).fold(self.prefix.clone(), |prefix, part| {
            // What no path may hold is kept out by encoding it.
            Path::parse(format!("{prefix}/{part}").trim_start_matches('/')).unwrap_or_else(|_| prefix.join(part))
        });
        Self { prefix, ..self.clone() }
    }

    /// The bucket's client, which asks once and bounds how many requests are under way.
    pub(crate) fn connect(&self, env: &[(String, String)]) -> Result<Arc<dyn ObjectStore>> {
        let built = match self.kind {
            Kind::S3 => self.amazon(env).map(limited),
            Kind::Google => self.google(env).map(limited),
            Kind::Azure => self.azure(env).map(limited),
        };
        built.map_err(|error| Error::Options { url: self.bucket.clone(), problem: problem_of(&error) })
    }

    fn amazon(&self, env: &[(String, String)]) -> object_store::Result<object_store::aws::AmazonS3> {
        let mut builder = AmazonS3Builder::new();
        for (key, value) in options::<AmazonS3ConfigKey>("AWS_", AmazonS3ConfigKey::Client, env) {
            builder = builder.with_config(key, value);
        }
        let builder = builder.with_url(&self.bucket).with_conditional_put(S3ConditionalPut::ETagMatch);
        builder.with_retry(asked_once()).build()
    }

    fn google(&self, env: &[(String, String)]) -> object_store::Result<object_store::gcp::GoogleCloudStorage> {
        let mut builder = GoogleCloudStorageBuilder::new();
        for (key, value) in options::<GoogleConfigKey>("GOOGLE_", GoogleConfigKey::Client, env) {
            builder = builder.with_config(key, value);
        }
        builder.with_url(&self.bucket).with_retry(asked_once()).build()
    }

    fn azure(&self, env: &[(String, String)]) -> object_store::Result<object_store::azure::MicrosoftAzure> {
        let mut builder = MicrosoftAzureBuilder::new();
        for (key, value) in options::<AzureConfigKey>("AZURE_", AzureConfigKey::Client, env) {
            builder = builder.with_config(key, value);
        }
        builder.with_url(&self.bucket).with_retry(asked_once()).build()
    }
}

impl FromStr for StoreUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const SHAPES: &str = "use s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, \
                              abfss://container@account.dfs.core.windows.net/prefix, or a folder";
        let Some((scheme, rest)) = text.split_once(AFTER_SCHEME) else { return Err(bad(text, SHAPES)) };
        let kind = match scheme {
            "s3" | "s3a" => Kind::S3,
            "gs" => Kind::Google,
            "az" | "azure" | "adl" | "abfs" | "abfss" => Kind::Azure,
            _ => return Err(bad(text, SHAPES)),
        };
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(bad(text, "it names no bucket"));
        }
        if bucket.contains(':') {
            return Err(bad(
                text,
                "keys and ports do not belong into it: credentials and the endpoint are taken from the environment",
            ));
        }
        if rest.contains(['?', '#']) {
            return Err(bad(text, "it must not hold `?` or `#`: options are taken from the environment"));
        }
        let prefix = Path::from_url_path(path).map_err(|_| bad(text, "its path is not a path in a store"))?;
        Ok(Self { kind, bucket: format!("{scheme}{AFTER_SCHEME}{bucket}"), prefix })
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.bucket)?;
        if self.prefix().is_empty() {
            return Ok(());
        }
        // What would be read as something else in a URL.
        let prefix = self.prefix().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        write!(f, "/{prefix}")
    }
}

/// The options that the environment gives, after our own defaults.
fn options<'a, K: FromStr>(
    family: &'a str,
    client: fn(ClientConfigKey) -> K,
    env: &'a [(String, String)],
) -> impl Iterator<Item = (K, &'a str)> {
    let ours = [(ClientConfigKey::Timeout, TIMEOUT), (ClientConfigKey::ConnectTimeout, CONNECT_TIMEOUT)];
    let ours = ours.into_iter().map(move |(key, value)| (client(key), value));
    let theirs = env.iter().filter(move |(name, _)| name.starts_with(family));
    ours.chain(theirs.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str()))))
}

/// Requests are repeated by [`Retry`](crate::retry::Retry) alone.
fn asked_once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn limited(objects: impl ObjectStore) -> Arc<dyn ObjectStore> {
    Arc::new(LimitStore::new(objects, REQUESTS))
}

/// A URL that is refused is quoted without what may be a password.
fn bad(text: &str, problem: &str) -> Error {
    let url = match (text.split_once(AFTER_SCHEME), text.split_once('@')) {
        (Some((scheme, _)), Some((before, after))) if before[scheme.len() + AFTER_SCHEME.len()..].contains(':') => {
            format!("{scheme}{AFTER_SCHEME}...@{after}")
        }
        _ => text.to_owned(),
    };
    let url = url.split(['?', '#']).next().unwrap_or_default().to_owned();
    Error::BadUrl { url, problem: problem.to_owned() }
}

/// What is wrong with an option, without its value: that may be a secret.
fn problem_of(error: &object_store::Error) -> String {
    let text = match error {
        object_store::Error::Generic { source, .. } => source.to_string(),
        error => error.to_string(),
    };
    // `Failed to parse "<value>" as ...` and the like quote what was given.
    let mut quoted = text.split('"');
    let mut told = quoted.next().unwrap_or_default().to_owned();
    while let (Some(_), Some(after)) = (quoted.next(), quoted.next()) {
        told.push_str("\"...\"");
        told.push_str(after);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_bucket_and_a_prefix() {
        let check = |text: &str, bucket: &str, prefix: &str| {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!((url.bucket(), url.prefix()), (bucket, prefix), "{text}");
            assert_eq!(url.to_string().parse::<StoreUrl>().unwrap(), url, "{text}");
        };
        check("s3://b", "s3://b", "");
        check("s3://b/", "s3://b", "");
        check("s3://b/a/c/", "s3://b", "a/c");
        check("gs://b/a%20b", "gs://b", "a b");
        check("gs://b/100%25%3F", "gs://b", "100%?");
        check("az://c/x", "az://c", "x");
        check("abfss://c@a.dfs.core.windows.net/x", "abfss://c@a.dfs.core.windows.net", "x");
    }

    #[test]
    fn what_is_no_store_is_refused_without_its_password() {
        let check = |text: &str, said: &str| {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("secret"), "{error}");
        };
        check("ftp://x/y", "`ftp://x/y`");
        check("s3:///x", "no bucket");
        check("s3://key:secret@bucket/x", "`s3://...@bucket/x`");
        check("s3://bucket:9000/x", "endpoint");
        check("az://c/x?sig=secret", "`?`");
        check("s3://b/../x", "not a path");
        check("folder", "use s3://");
    }

    #[test]
    fn file_urls_name_folders() {
        assert_eq!(StoreUrl::folder("file:///a/b%20c").unwrap().as_deref(), Some("/a/b c"));
        assert_eq!(StoreUrl::folder("file://localhost/a").unwrap().as_deref(), Some("/a"));
        assert_eq!(StoreUrl::folder("s3://a/b").unwrap(), None);
        assert!(StoreUrl::folder("file://other/a").is_err());
    }

    #[test]
    fn a_place_below_keeps_its_names() {
        let url: StoreUrl = "s3://b/r".parse().unwrap();
        assert_eq!(url.join("landing/x=100%25/").prefix(), "r/landing/x=100%25");
        assert_eq!("s3://b".parse::<StoreUrl>().unwrap().join("a/b").to_string(), "s3://b/a/b");
    }

    #[test]
    fn options_that_make_no_sense_are_told_without_their_value() {
        let url: StoreUrl = "s3://b".parse().unwrap();
        let env = [("AWS_ALLOW_HTTP".to_owned(), "secret".to_owned())];
        let error = url.connect(&env).unwrap_err().to_string();
        assert!(error.contains("s3://b") && !error.contains("secret"), "{error}");
    }
}
