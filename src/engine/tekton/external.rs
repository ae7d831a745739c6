//! Files from and to places outside the workflow: steps with the public tools of each store.

use super::context::{Params, unsupported};
use super::files::{TOOLS, helper};
use super::manifest::Step;
use super::runner::quoted;
use crate::api::{ArtifactLocation, SecretKey};
use crate::engine::EngineError;
use crate::engine::kubernetes::pod::{EnvSource, EnvVar, SecretKeyRef};
use crate::ir::Node;

/// Whether a file is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// The tools of a store.
struct Tool {
    image: &'static str,
    read: &'static str,
    write: Option<&'static str>,
    variables: Vec<(&'static str, String)>,
    secrets: Vec<(&'static str, SecretKey)>,
}

impl Tool {
    fn new(image: &'static str, read: &'static str, write: Option<&'static str>) -> Self {
        Self { image, read, write, variables: Vec::new(), secrets: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    fn maybe(mut self, name: &'static str, value: Option<&String>) -> Self {
        self.variables.extend(value.map(|value| (name, value.clone())));
        self
    }

    fn secret(mut self, name: &'static str, key: Option<&SecretKey>) -> Self {
        self.secrets.extend(key.map(|key| (name, key.clone())));
        self
    }
}

const S3_READ: &str = "aws s3 cp \"$ADDRESS\" \"$FILE\" || aws s3 cp --recursive \"$ADDRESS\" \"$FILE\"";
const S3_WRITE: &str = "if [ -d \"$FILE\" ]; then aws s3 cp --recursive \"$FILE\" \"$ADDRESS\"; \
                        else aws s3 cp \"$FILE\" \"$ADDRESS\"; fi";
const GCS_KEY: &str = "if [ -n \"$GCS_KEY\" ]; then printf %s \"$GCS_KEY\" > /tmp/key.json; \
                       gcloud auth activate-service-account --key-file /tmp/key.json; fi; ";
const HDFS_READ: &str = "hdfs dfs -get -f \"$ADDRESS\" \"$FILE\"";
const HDFS_WRITE: &str = "hdfs dfs -put -f \"$FILE\" \"$ADDRESS\"";
const OSS: &str = "ossutil config -e \"$OSS_ENDPOINT\" -i \"$OSS_ACCESS_KEY\" -k \"$OSS_SECRET_KEY\"; ";

fn s3(address: String) -> Tool {
    Tool::new("amazon/aws-cli:2.27.50", S3_READ, Some(S3_WRITE)).with("ADDRESS", address)
}

fn gcs(address: String) -> Tool {
    let read = "gcloud storage cp --recursive \"$ADDRESS\" \"$FILE\"";
    let write = "gcloud storage cp --recursive \"$FILE\" \"$ADDRESS\"";
    Tool::new("google/cloud-sdk:531.0.0-slim", read, Some(write)).with("ADDRESS", address)
}

fn oss(address: String) -> Tool {
    let read = "ossutil cp -r -f \"$ADDRESS\" \"$FILE\"";
    let write = "ossutil cp -r -f \"$FILE\" \"$ADDRESS\"";
    Tool::new("secoresearch/ossutil:1.7.19", read, Some(write)).with("ADDRESS", address)
}

fn hdfs(address: String) -> Tool {
    Tool::new("apache/hadoop:3.4.1", HDFS_READ, Some(HDFS_WRITE)).with("ADDRESS", address)
}

fn git(address: &str) -> Tool {
    let read = "git clone ${DEPTH:+--depth \"$DEPTH\"} \"$ADDRESS\" \"$FILE\"; \
                if [ -n \"$REVISION\" ]; then cd \"$FILE\"; git fetch origin \"$REVISION\"; \
                git checkout \"$REVISION\"; fi";
    Tool::new("alpine/git:2.49.1", read, None).with("ADDRESS", address)
}

fn http(address: &str) -> Tool {
    let read = "curl --fail --location --silent --show-error --output \"$FILE\" \"$ADDRESS\"";
    let write = "curl --fail --silent --show-error --upload-file \"$FILE\" \"$ADDRESS\"";
    Tool::new("curlimages/curl:8.14.1", read, Some(write)).with("ADDRESS", address)
}

fn tool(node: &Node, location: &ArtifactLocation) -> Result<Tool, EngineError> {
    Ok(match location {
        ArtifactLocation::S3 { bucket, key, endpoint, region, access_key, secret_key } => {
            let Some(bucket) = bucket else {
                let reason = "Tekton has no default bucket; name the bucket of the object";
                return Err(unsupported(&node.name, "object without a bucket", reason));
            };
            let endpoint = endpoint
                .as_ref()
                .map(|host| if host.contains("://") { host.clone() } else { format!("https://{host}") });
            s3(format!("s3://{bucket}/{key}"))
                .maybe("AWS_ENDPOINT_URL", endpoint.as_ref())
                .maybe("AWS_DEFAULT_REGION", region.as_ref())
                .secret("AWS_ACCESS_KEY_ID", access_key.as_ref())
                .secret("AWS_SECRET_ACCESS_KEY", secret_key.as_ref())
        }
        ArtifactLocation::Oss { bucket, key, endpoint, access_key, secret_key } => {
            oss(format!("oss://{bucket}/{key}"))
                .with("OSS_ENDPOINT", endpoint)
                .secret("OSS_ACCESS_KEY", access_key.as_ref())
                .secret("OSS_SECRET_KEY", secret_key.as_ref())
        }
        ArtifactLocation::Gcs { bucket, key, service_account_key } => {
            gcs(format!("gs://{bucket}/{key}")).secret("GCS_KEY", service_account_key.as_ref())
        }
        ArtifactLocation::Hdfs { addresses, path, user } => {
            let host = addresses.first().map_or("", String::as_str);
            hdfs(format!("hdfs://{host}{path}")).maybe("HADOOP_USER_NAME", user.as_ref())
        }
        ArtifactLocation::Git { repository, revision, depth } => git(repository)
            .maybe("REVISION", revision.as_ref())
            .maybe("DEPTH", depth.map(|depth| depth.to_string()).as_ref()),
        ArtifactLocation::Http { url } => http(url),
        ArtifactLocation::Raw { data } => {
            Tool::new(TOOLS, "printf %s \"$DATA\" > \"$FILE\"", None).with("DATA", data)
        }
        ArtifactLocation::Uri { uri } => from_address(node, uri)?,
    })
}

fn from_address(node: &Node, uri: &str) -> Result<Tool, EngineError> {
    let refused = |reason: String| Err(unsupported(&node.name, "address of an artifact", reason));
    let Some((scheme, rest)) = uri.split_once("://") else {
        if uri.starts_with("git@") {
            return Ok(git(uri));
        }
        return refused(format!(
            "{uri:?} is a path of one machine; put the file into a store, or mount a volume"
        ));
    };
    Ok(match scheme {
        "s3" | "s3a" | "s3n" | "minio" => s3(format!("s3://{rest}")),
        "gs" | "gcs" => gcs(format!("gs://{rest}")),
        "oss" => oss(uri.to_owned()),
        "hdfs" => hdfs(uri.to_owned()),
        "git" | "git+https" | "git+ssh" | "ssh" => git(uri.strip_prefix("git+").unwrap_or(uri)),
        "http" | "https" if rest.rsplit_once('.').is_some_and(|(_, ending)| ending == "git") => git(uri),
        "http" | "https" => http(uri),
        other => return refused(format!("no tool is known for {other}:// addresses; fetch it in a step")),
    })
}

/// The step that reads or writes a place; `name` is that of the step.
///
/// # Errors
/// Places that no tool opens, or that can only be read.
pub(crate) fn transfer(
    node: &Node,
    params: &mut Params,
    name: &str,
    (location, path): (&ArtifactLocation, &str),
    direction: Direction,
) -> Result<Step, EngineError> {
    let tool = tool(node, location)?;
    let command = match (direction, tool.write) {
        (Direction::Read, _) => tool.read,
        (Direction::Write, Some(write)) => write,
        (Direction::Write, None) => {
            let reason = "git and raw text are read only; use an object store";
            return Err(unsupported(&node.name, "output store", reason));
        }
    };
    let before = if tool.image.starts_with("google") {
        GCS_KEY
    } else if tool.secrets.iter().any(|(name, _)| *name == "OSS_ACCESS_KEY") {
        OSS
    } else {
        ""
    };
    let mut lines = vec!["#!/bin/sh".to_owned(), "set -e".to_owned(), format!("FILE={}", quoted(path))];
    if direction == Direction::Read {
        lines.push("mkdir -p \"`dirname \"$FILE\"`\"".to_owned());
    }
    lines.push(format!("{before}{command}"));
    let mut env: Vec<EnvVar> = tool
        .variables
        .iter()
        .map(|(variable, value)| EnvVar::with_value(*variable, params.field(node, value, &|_| false)))
        .collect();
    super::task::with_dollar(&mut env, &[]);
    env.extend(tool.secrets.into_iter().map(|(variable, key)| EnvVar {
        name: variable.to_owned(),
        value: None,
        value_from: Some(EnvSource { secret_key_ref: SecretKeyRef { name: key.name, key: key.key } }),
    }));
    Ok(Step { image: tool.image.to_owned(), env, ..helper(name, &lines) })
}
