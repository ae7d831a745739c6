//! Inputs and outputs of steps (the paper's Table VI).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of data flows through a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortType {
    /// Rows and columns in one file.
    Table,
    /// A trained model (a directory).
    Model,
    /// Metrics as a JSON object in one file.
    Metrics,
    /// Text in one file.
    Text,
    /// Any single file.
    File,
    /// A directory.
    Directory,
    /// Anything.
    #[default]
    Any,
}

/// Something a step reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// A string, given to the step as the environment variable NAME.
    Parameter {
        /// Name of the environment variable.
        #[schemars(regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
        name: String,
        /// The value; may hold `{{steps.STEP.OUTPUT}}`, `{{parameters.NAME}}` and `{{item}}`.
        value: String,
    },
    /// A file or directory that another step wrote.
    Artifact {
        /// Name of the port.
        name: String,
        /// The step that wrote it.
        step: String,
        /// That step's output.
        output: String,
        /// Where it is put; chosen by the engine if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// A file or directory from a store outside the workflow.
    External {
        /// Name of the port.
        name: String,
        /// Where it comes from.
        location: ArtifactLocation,
        /// Where it is put; chosen by the engine if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
}

impl Input {
    /// Name of the variable or port.
    pub fn name(&self) -> &str {
        match self {
            Self::Parameter { name, .. } | Self::Artifact { name, .. } | Self::External { name, .. } => name,
        }
    }
}

/// Something a step writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the output.
    pub name: String,
    /// What is written, and where.
    pub source: OutputSource,
}

/// Kinds of output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputSource {
    /// A short string in a file, usable in conditions and strings.
    Parameter {
        /// The file that holds it.
        path: String,
        /// Used when the file is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    },
    /// A file or directory.
    Artifact {
        /// The path inside the step.
        path: String,
        /// What it is.
        #[serde(default, rename = "type")]
        port_type: PortType,
        /// Where to store it; the engine's default store if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        store: Option<ArtifactLocation>,
    },
}

/// A key of a Kubernetes secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretKey {
    /// Name of the secret.
    pub name: String,
    /// Key inside the secret.
    pub key: String,
}

/// A place outside the workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ArtifactLocation {
    /// Amazon S3 and compatible stores.
    S3 {
        /// Bucket; the engine's default if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bucket: Option<String>,
        /// Key of the object or prefix.
        key: String,
        /// Host and port of the store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// Region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<String>,
        /// Access key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access_key: Option<SecretKey>,
        /// Secret key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_key: Option<SecretKey>,
    },
    /// Alibaba Cloud OSS.
    Oss {
        /// Bucket.
        bucket: String,
        /// Key of the object or prefix.
        key: String,
        /// Host of the store.
        endpoint: String,
        /// Access key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access_key: Option<SecretKey>,
        /// Secret key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_key: Option<SecretKey>,
    },
    /// Google Cloud Storage.
    Gcs {
        /// Bucket.
        bucket: String,
        /// Key of the object or prefix.
        key: String,
        /// Service-account key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service_account_key: Option<SecretKey>,
    },
    /// Hadoop file system.
    Hdfs {
        /// Name nodes, `host:port`.
        addresses: Vec<String>,
        /// Path.
        path: String,
        /// User.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
    },
    /// A git repository.
    Git {
        /// URL of the repository.
        repository: String,
        /// Branch, tag or commit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<String>,
        /// History to fetch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        depth: Option<u64>,
    },
    /// A web address.
    Http {
        /// The URL.
        url: String,
    },
    /// Any address (`s3://…`, `gs://…`, `https://…`, a path); components open it themselves.
    Uri {
        /// The address.
        uri: String,
    },
    /// Text given here.
    Raw {
        /// The content.
        data: String,
    },
}
