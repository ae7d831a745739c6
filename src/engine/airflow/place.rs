//! Places of artifacts outside the workflow: addresses of rclone, git repositories, text.

use super::super::EngineError;
use super::context::unsupported;
use super::python::Expr;
use super::text::templated;
use crate::api::{ArtifactLocation, SecretKey};
use crate::ir::Node;

/// Whether an artifact is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// The place in the words of the file's class `Place`.
///
/// # Errors
/// Addresses that cannot be opened, and places that cannot be written.
pub(crate) fn place(
    node: &Node,
    location: &ArtifactLocation,
    direction: Direction,
) -> Result<Expr, EngineError> {
    let references = node.references();
    let made = |kind: &str, address: &str, named: Vec<(&str, Expr)>| {
        let named = named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Expr::Call("Place".to_owned(), vec![Expr::text(kind), templated(address, references)], named)
    };
    let files = |address: String, secrets: Vec<(&str, &Option<SecretKey>)>| {
        let secrets: Vec<(String, Expr)> = secrets
            .into_iter()
            .filter_map(|(name, key)| Some((name.to_owned(), secret(key.as_ref()?))))
            .collect();
        let named = if secrets.is_empty() { vec![] } else { vec![("secrets", Expr::Dict(secrets))] };
        made("files", &address, named)
    };
    if direction == Direction::Write && is_read_only(location) {
        let reason = "git and raw text are read only; use an object store";
        return Err(unsupported(&node.name, "output store", reason));
    }
    Ok(match location {
        ArtifactLocation::S3 { bucket, key, endpoint, region, access_key, secret_key } => {
            let options = [
                Some(("provider", if endpoint.is_some() { "Other" } else { "AWS" })),
                Some(("env_auth", "true")),
                endpoint.as_deref().map(|endpoint| ("endpoint", endpoint)),
                region.as_deref().map(|region| ("region", region)),
            ];
            let bucket = bucket.as_deref().ok_or_else(|| {
                let reason = "Airflow has no bucket of its own; name the bucket";
                unsupported(&node.name, "artifact store without a bucket", reason)
            })?;
            let keys =
                vec![("RCLONE_S3_ACCESS_KEY_ID", access_key), ("RCLONE_S3_SECRET_ACCESS_KEY", secret_key)];
            files(address("s3", &options, &format!("{bucket}/{key}")), keys)
        }
        ArtifactLocation::Oss { bucket, key, endpoint, access_key, secret_key } => {
            let options = [
                Some(("provider", "Alibaba")),
                Some(("env_auth", "true")),
                Some(("endpoint", endpoint.as_str())),
            ];
            let keys =
                vec![("RCLONE_S3_ACCESS_KEY_ID", access_key), ("RCLONE_S3_SECRET_ACCESS_KEY", secret_key)];
            files(address("s3", &options, &format!("{bucket}/{key}")), keys)
        }
        ArtifactLocation::Gcs { bucket, key, service_account_key } => {
            let keys = vec![("RCLONE_GCS_SERVICE_ACCOUNT_CREDENTIALS", service_account_key)];
            files(address("gcs", &[Some(("env_auth", "true"))], &format!("{bucket}/{key}")), keys)
        }
        ArtifactLocation::Hdfs { addresses, path, user } => {
            let options = [
                Some(("namenode", addresses.first().map_or("", String::as_str))),
                user.as_deref().map(|user| ("username", user)),
            ];
            files(address("hdfs", &options, path), vec![])
        }
        ArtifactLocation::Git { repository, revision, depth } => {
            let revision = revision.as_ref().map(|text| ("revision", templated(text, references)));
            let depth = depth.map(|depth| ("depth", Expr::code(depth.to_string())));
            made("git", repository, revision.into_iter().chain(depth).collect())
        }
        ArtifactLocation::Http { url } if direction == Direction::Write => files(put(node, url)?, vec![]),
        ArtifactLocation::Http { url } => made("url", url, vec![]),
        ArtifactLocation::Raw { data } => made("text", data, vec![]),
        ArtifactLocation::Uri { uri } => return from_uri(node, uri, direction),
    })
}

fn is_read_only(location: &ArtifactLocation) -> bool {
    match location {
        ArtifactLocation::Git { .. } | ArtifactLocation::Raw { .. } => true,
        ArtifactLocation::Uri { uri } => is_git(uri),
        _ => false,
    }
}

fn is_git(uri: &str) -> bool {
    let web = uri.starts_with("http://") || uri.starts_with("https://");
    ["git@", "git://", "git+", "ssh://"].iter().any(|start| uri.starts_with(start))
        || (web && uri.rsplit_once('.').is_some_and(|(_, ending)| ending == "git"))
}

fn from_uri(node: &Node, uri: &str, direction: Direction) -> Result<Expr, EngineError> {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("", uri));
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let (bucket, key) = (bucket.to_owned(), key.to_owned());
    let location = match scheme {
        _ if is_git(uri) => ArtifactLocation::Git {
            repository: uri.strip_prefix("git+").unwrap_or(uri).to_owned(),
            revision: None,
            depth: None,
        },
        "s3" | "s3a" | "s3n" | "minio" => ArtifactLocation::S3 {
            bucket: Some(bucket),
            key,
            endpoint: None,
            region: None,
            access_key: None,
            secret_key: None,
        },
        "gs" | "gcs" => ArtifactLocation::Gcs { bucket, key, service_account_key: None },
        "hdfs" => ArtifactLocation::Hdfs { addresses: vec![bucket], path: format!("/{key}"), user: None },
        "http" | "https" => ArtifactLocation::Http { url: uri.to_owned() },
        _ => {
            let reason = format!(
                "{uri:?} cannot be opened from a pod; use s3, gs, hdfs, git, http or https, or mount a volume"
            );
            return Err(unsupported(&node.name, "address of an artifact", reason));
        }
    };
    place(node, &location, direction)
}

/// What is written to a web address goes there by PUT, which rclone knows as `WebDAV`.
fn put(node: &Node, url: &str) -> Result<String, EngineError> {
    let split = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?)));
    let Some((scheme, (host, path))) = split else {
        return Err(unsupported(&node.name, "address of an artifact", format!("{url:?} names no file")));
    };
    let host = format!("{scheme}://{host}");
    Ok(address("webdav", &[Some(("url", host.as_str()))], path))
}

/// An address with its options, as rclone reads it without a configuration file.
fn address(kind: &str, options: &[Option<(&str, &str)>], path: &str) -> String {
    let options: Vec<String> = options
        .iter()
        .flatten()
        .map(|(name, value)| {
            let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            if plain { format!("{name}={value}") } else { format!("{name}='{}'", value.replace('\'', "''")) }
        })
        .collect();
    format!(":{kind},{}:{path}", options.join(","))
}

fn secret(key: &SecretKey) -> Expr {
    Expr::code(format!("({}, {})", super::python::string(&key.name), super::python::string(&key.key)))
}
