//! Places of artifacts outside the workflow.

use super::super::EngineError;
use super::super::kubernetes::pod::SecretKeyRef;
use super::context::unsupported;
use super::inputs::Inputs;
use super::manifest::{Git, Hdfs, Http, ObjectStore, Place, Raw};
use super::text::Braces;
use crate::api::{ArtifactLocation, SecretKey};
use crate::ir::Node;

/// Whether an artifact is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// The user of a Hadoop file system if none is given; Argo demands one.
const HDFS_USER: &str = "root";

/// The place of an artifact in Argo's words.
///
/// # Errors
/// Addresses that Argo cannot open, and places that cannot be written.
pub(crate) fn place(
    node: &Node,
    inputs: &mut Inputs,
    location: &ArtifactLocation,
    direction: Direction,
) -> Result<Place, EngineError> {
    let place = match location {
        ArtifactLocation::Uri { uri } => from_uri(node, uri)?,
        other => given(other),
    };
    if direction == Direction::Write && matches!(place, Place::Git(_) | Place::Raw(_)) {
        return Err(unsupported(
            &node.name,
            "output store",
            "git and raw text are read only; use an object store",
        ));
    }
    resolved(place, direction, &mut |text| Ok(inputs.text(node, text, Braces::Keep)?.text))
}

fn secret(key: Option<&SecretKey>) -> Option<SecretKeyRef> {
    key.map(|key| SecretKeyRef { name: key.name.clone(), key: key.key.clone() })
}

fn given(location: &ArtifactLocation) -> Place {
    match location {
        ArtifactLocation::S3 { bucket, key, endpoint, region, access_key, secret_key } => {
            Place::S3(Box::new(ObjectStore {
                endpoint: endpoint.clone(),
                bucket: bucket.clone(),
                region: region.clone(),
                key: key.clone(),
                access_key_secret: secret(access_key.as_ref()),
                secret_key_secret: secret(secret_key.as_ref()),
                service_account_key_secret: None,
            }))
        }
        ArtifactLocation::Oss { bucket, key, endpoint, access_key, secret_key } => {
            Place::Oss(Box::new(ObjectStore {
                endpoint: Some(endpoint.clone()),
                bucket: Some(bucket.clone()),
                key: key.clone(),
                access_key_secret: secret(access_key.as_ref()),
                secret_key_secret: secret(secret_key.as_ref()),
                ..ObjectStore::default()
            }))
        }
        ArtifactLocation::Gcs { bucket, key, service_account_key } => Place::Gcs(Box::new(ObjectStore {
            bucket: Some(bucket.clone()),
            key: key.clone(),
            service_account_key_secret: secret(service_account_key.as_ref()),
            ..ObjectStore::default()
        })),
        ArtifactLocation::Hdfs { addresses, path, user } => Place::Hdfs(Hdfs {
            addresses: addresses.clone(),
            path: path.clone(),
            user: user.clone().unwrap_or_else(|| HDFS_USER.to_owned()),
            force: false,
        }),
        ArtifactLocation::Git { repository, revision, depth } => {
            Place::Git(Git { repo: repository.clone(), revision: revision.clone(), depth: *depth })
        }
        ArtifactLocation::Http { url } => Place::Http(Http { url: url.clone() }),
        ArtifactLocation::Raw { data } => Place::Raw(Raw { data: data.clone() }),
        ArtifactLocation::Uri { uri } => Place::Http(Http { url: uri.clone() }),
    }
}

fn from_uri(node: &Node, uri: &str) -> Result<Place, EngineError> {
    let refused = |reason: String| unsupported(&node.name, "address of an artifact", reason);
    let Some((scheme, rest)) = uri.split_once("://") else {
        if uri.starts_with("git@") {
            return Ok(Place::Git(Git { repo: uri.to_owned(), revision: None, depth: None }));
        }
        return Err(refused(format!(
            "{uri:?} is a path of one machine; put the file into a store (s3://, gs://, https://, …) or mount a volume"
        )));
    };
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let store = || {
        Box::new(ObjectStore {
            bucket: Some(bucket.to_owned()),
            key: key.to_owned(),
            ..ObjectStore::default()
        })
    };
    match scheme {
        "s3" | "s3a" | "s3n" | "minio" => Ok(Place::S3(store())),
        "gs" | "gcs" => Ok(Place::Gcs(store())),
        "oss" => Ok(Place::Oss(store())),
        "hdfs" => Ok(Place::Hdfs(Hdfs {
            addresses: vec![bucket.to_owned()],
            path: format!("/{key}"),
            user: HDFS_USER.to_owned(),
            force: false,
        })),
        "git" | "git+https" | "git+ssh" | "ssh" => {
            let repo = uri.strip_prefix("git+").unwrap_or(uri).to_owned();
            Ok(Place::Git(Git { repo, revision: None, depth: None }))
        }
        "http" | "https" if rest.rsplit_once('.').is_some_and(|(_, ending)| ending == "git") => {
            Ok(Place::Git(Git { repo: uri.to_owned(), revision: None, depth: None }))
        }
        "http" | "https" => Ok(Place::Http(Http { url: uri.to_owned() })),
        other => Err(refused(format!(
            "Argo cannot open {other}:// addresses; use s3, gs, oss, hdfs, git, http or https, or fetch it in a step"
        ))),
    }
}

/// The place with the references in its strings put into Argo's words.
fn resolved(
    mut place: Place,
    direction: Direction,
    text: &mut dyn FnMut(&str) -> Result<String, EngineError>,
) -> Result<Place, EngineError> {
    match &mut place {
        Place::S3(store) | Place::Oss(store) | Place::Gcs(store) => {
            store.key = text(&store.key)?;
            if let Some(bucket) = &mut store.bucket {
                *bucket = text(bucket)?;
            }
        }
        Place::Hdfs(hdfs) => {
            hdfs.path = text(&hdfs.path)?;
            // A second run of the workflow writes the same file again.
            hdfs.force = direction == Direction::Write;
        }
        Place::Git(git) => {
            git.repo = text(&git.repo)?;
            if let Some(revision) = &mut git.revision {
                *revision = text(revision)?;
            }
        }
        Place::Http(http) => http.url = text(&http.url)?,
        Place::Raw(raw) => raw.data = text(&raw.data)?,
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::node;

    #[test]
    fn addresses_become_artifacts() {
        let node = node("load");
        for (uri, expected) in [
            ("s3://data/a/b.csv", r#"{"s3":{"bucket":"data","key":"a/b.csv"}}"#),
            ("gs://data/b.csv", r#"{"gcs":{"bucket":"data","key":"b.csv"}}"#),
            ("hdfs://name:9000/a", r#"{"hdfs":{"addresses":["name:9000"],"path":"/a","hdfsUser":"root"}}"#),
            ("https://x.org/a.csv", r#"{"http":{"url":"https://x.org/a.csv"}}"#),
            ("https://x.org/a.git", r#"{"git":{"repo":"https://x.org/a.git"}}"#),
        ] {
            let location = ArtifactLocation::Uri { uri: uri.into() };
            let place = place(&node, &mut Inputs::default(), &location, Direction::Read).unwrap();
            assert_eq!(serde_json::to_string(&place).unwrap(), expected);
        }
    }

    #[test]
    fn addresses_that_argo_cannot_open_are_refused() {
        let node = node("load");
        for uri in ["/data/x.csv", "ftp://x/y", "file:///x"] {
            let location = ArtifactLocation::Uri { uri: uri.into() };
            assert!(place(&node, &mut Inputs::default(), &location, Direction::Read).is_err(), "{uri}");
        }
    }
}
