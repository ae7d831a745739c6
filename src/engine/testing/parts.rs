//! Random functions, settings and places.

use indexmap::IndexMap;
use proptest::prelude::*;

use super::texts::text;
use crate::api::{
    ArtifactLocation, Backoff, Cache, ContainerCall, DistributedJob, Duration, Function, Job,
    KatibExperiment, KatibParameter, KatibParameterType, ManifestAction, ManifestJob, Network, Objective,
    Resources, Retry, RetryPolicy, RunJob, ScriptCall, ScriptLanguage, Secret, SecretKey, StepSettings,
    Toleration, TolerationEffect, TolerationOperator, Volume, VolumeClaim, WorkflowSettings,
};

fn owned(text: &str) -> String {
    text.to_owned()
}

fn map(entries: &[(&str, &str)]) -> IndexMap<String, String> {
    entries.iter().map(|(key, value)| (owned(key), owned(value))).collect()
}

pub(super) fn function() -> impl Strategy<Value = Function> {
    let texts = || prop::collection::vec(text(), 0..3);
    prop_oneof![
        3 => (texts(), texts(), any::<bool>()).prop_map(|(command, args, dir)| Function::RunContainer(ContainerCall {
            image: owned("ghcr.io/acme/train:1.4"),
            command,
            args,
            working_dir: dir.then(|| owned("/work")),
        })),
        3 => (text(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(source, bash, image, packages)| {
            Function::RunScript(ScriptCall {
                language: if bash { ScriptLanguage::Bash } else { ScriptLanguage::Python },
                source: format!("#{source}"),
                image: image.then(|| owned("python:3.12")),
                requirements: if packages { vec![owned("numpy==2.0"), owned("pandas[x]>=1")] } else { vec![] },
            })
        }),
        1 => job().prop_map(|job| Function::RunJob(RunJob { job })),
    ]
}

fn job() -> impl Strategy<Value = Job> {
    (0..6u8, prop::collection::vec(text(), 0..2), 0..4u32, 0..3u32, any::<bool>()).prop_map(
        |(kind, args, workers, gpus, sized)| {
            let distributed = DistributedJob {
                image: owned("pytorch/pytorch:2.4"),
                command: vec![owned("python")],
                args,
                masters: 1,
                workers,
                parameter_servers: 0,
                gpus_per_replica: gpus,
                cpu: sized.then(|| owned("4")),
                memory: sized.then(|| owned("16Gi")),
            };
            match kind {
                0 => Job::PyTorchJob(distributed),
                1 => Job::TFJob(DistributedJob { parameter_servers: gpus, ..distributed }),
                2 => Job::MPIJob(distributed),
                3 => Job::XGBoostJob(distributed),
                4 => Job::Katib(katib(sized)),
                _ => Job::Manifest(manifest(sized)),
            }
        },
    )
}

fn katib(sized: bool) -> KatibExperiment {
    let parameter = |name: &str, kind, values: Vec<String>| KatibParameter {
        name: owned(name),
        kind,
        min: values.is_empty().then_some(0.01),
        max: values.is_empty().then_some(10.0),
        step: None,
        values,
    };
    KatibExperiment {
        image: owned("acme/trial:1"),
        command: vec![owned("python"), owned("{{parameters.free}}")],
        objective_metric: owned("accuracy"),
        objective: if sized { Objective::Maximize } else { Objective::Minimize },
        goal: sized.then_some(0.99),
        algorithm: owned("random"),
        parameters: vec![
            parameter("lr", KatibParameterType::Double, vec![]),
            parameter("opt", KatibParameterType::Categorical, vec![owned("sgd"), owned("yes")]),
        ],
        max_trials: sized.then_some(12),
        parallel_trials: sized.then_some(3),
        max_failed_trials: None,
    }
}

fn manifest(named: bool) -> ManifestJob {
    let value = serde_json::json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": if named { serde_json::json!({"name": "on"}) } else { serde_json::json!({}) },
        "spec": {"template": {"spec": {"containers": [{"name": "m", "image": "a:1", "args": ["{{parameters.free}}", "no"]}]}}},
    });
    ManifestJob {
        action: if named { ManifestAction::Apply } else { ManifestAction::Create },
        manifest: value.as_object().cloned().unwrap_or_default(),
        success_condition: Some(owned("status.succeeded > 0")),
        failure_condition: named.then(|| owned("status.failed > 3")),
    }
}

fn secret_key() -> SecretKey {
    SecretKey { name: owned("store"), key: owned("key") }
}

pub(super) fn location() -> impl Strategy<Value = ArtifactLocation> {
    prop::sample::select(vec![
        ArtifactLocation::S3 {
            bucket: Some(owned("data")),
            key: owned("{{parameters.free}}/x.csv"),
            endpoint: Some(owned("minio:9000")),
            region: None,
            access_key: Some(secret_key()),
            secret_key: Some(secret_key()),
        },
        ArtifactLocation::S3 {
            bucket: None,
            key: owned("x"),
            endpoint: None,
            region: Some(owned("eu-central-1")),
            access_key: None,
            secret_key: None,
        },
        ArtifactLocation::Oss {
            bucket: owned("b"),
            key: owned("k"),
            endpoint: owned("oss.example.com"),
            access_key: None,
            secret_key: None,
        },
        ArtifactLocation::Gcs {
            bucket: owned("b"),
            key: owned("k"),
            service_account_key: Some(secret_key()),
        },
        ArtifactLocation::Hdfs { addresses: vec![owned("name:9000")], path: owned("/a"), user: None },
        ArtifactLocation::Git {
            repository: owned("https://x.org/r.git"),
            revision: Some(owned("v1")),
            depth: Some(1),
        },
        ArtifactLocation::Http { url: owned("https://x.org/a.csv") },
        ArtifactLocation::Uri { uri: owned("gs://bucket/a/b.csv") },
        ArtifactLocation::Raw { data: owned("a: b\n- c") },
    ])
}

fn duration() -> impl Strategy<Value = Duration> {
    (1..2_000_000u64).prop_map(Duration::from_seconds)
}

fn volumes() -> impl Strategy<Value = Vec<Volume>> {
    let all = vec![
        Volume::Claim {
            claim: owned("data"),
            path: owned("/v1"),
            sub_path: Some(owned("a")),
            read_only: true,
        },
        Volume::Claim { claim: owned("data"), path: owned("/v2"), sub_path: None, read_only: false },
        Volume::Shared { name: owned("work"), path: owned("/v3") },
        Volume::EmptyDir { path: owned("/dev/shm"), size: Some(owned("1Gi")), memory: true },
        Volume::EmptyDir { path: owned("/v4"), size: None, memory: false },
        Volume::ConfigMap { name: owned("work"), path: owned("/v5") },
        Volume::Secret { name: owned("Se.cret"), path: owned("/v6") },
        Volume::HostPath { host_path: owned("/mnt/x"), path: owned("/v7") },
    ];
    prop::sample::subsequence(all, 0..4)
}

fn tolerations() -> impl Strategy<Value = Vec<Toleration>> {
    let exists = Toleration {
        key: Some(owned("gpu")),
        operator: TolerationOperator::Exists,
        value: None,
        effect: None,
    };
    let equal = Toleration {
        key: Some(owned("spot")),
        operator: TolerationOperator::Equal,
        value: Some(owned("true")),
        effect: Some(TolerationEffect::NoSchedule),
    };
    prop::sample::subsequence(vec![exists, equal], 0..=2)
}

fn resources() -> impl Strategy<Value = Resources> {
    (any::<[bool; 4]>(), prop::option::of(0..3u32)).prop_map(|([a, b, c, d], gpu)| Resources {
        cpu: a.then(|| owned("500m")),
        memory: b.then(|| owned("4Gi")),
        gpu,
        gpu_resource: d.then(|| owned("amd.com/gpu")),
        cpu_limit: c.then(|| owned("2")),
        memory_limit: d.then(|| owned("8Gi")),
        disk: c.then(|| owned("20Gi")),
    })
}

fn retry() -> impl Strategy<Value = Retry> {
    let policies = vec![
        RetryPolicy::Always,
        RetryPolicy::OnError,
        RetryPolicy::OnFailure,
        RetryPolicy::OnTransientError,
    ];
    let backoff =
        (duration(), prop::option::of(1..4u32), prop::option::of(duration()), prop::option::of(duration()));
    (1..10u32, prop::sample::select(policies), prop::option::of(backoff)).prop_map(
        |(limit, policy, backoff)| Retry {
            limit,
            policy,
            backoff: backoff.map(|(duration, factor, max_pause, max_duration)| Backoff {
                duration,
                factor,
                max_pause,
                max_duration,
            }),
        },
    )
}

fn cache() -> impl Strategy<Value = Cache> {
    let key = prop::option::of(prop::sample::select(vec!["features v1/{{parameters.free}}", "-x", "plain"]));
    (key, prop::option::of(duration())).prop_map(|(key, max_age)| Cache { key: key.map(owned), max_age })
}

pub(super) fn settings() -> impl Strategy<Value = StepSettings> {
    let first = (prop::option::of(text()), any::<[bool; 6]>(), resources(), volumes(), tolerations());
    let second = (prop::option::of(retry()), prop::option::of(duration()), prop::option::of(cache()));
    (first, second).prop_map(|(first, (retry, timeout, cache))| {
        let (env, [secret, selector, daemon, account, labels, go_on], resources, volumes, tolerations) =
            first;
        let secret_env = Secret { env: owned("TOKEN"), secret: owned("api"), key: owned("token") };
        StepSettings {
            env: env.into_iter().map(|value| (owned("TEXT"), value)).collect(),
            secrets: if secret { vec![secret_env] } else { vec![] },
            resources,
            volumes,
            node_selector: if selector { map(&[("gpu", "true")]) } else { IndexMap::new() },
            tolerations,
            retry,
            timeout,
            cache,
            daemon,
            service_account: account.then(|| owned("runner")),
            labels: if labels { map(&[("team", "on")]) } else { IndexMap::new() },
            annotations: if labels { map(&[("note", "a: b")]) } else { IndexMap::new() },
            continue_on_failure: go_on,
            network: Network::Default,
            literal_braces: false,
        }
    })
}

pub(super) fn workflow_settings() -> impl Strategy<Value = WorkflowSettings> {
    (any::<[bool; 6]>(), prop::option::of(1..20u32), prop::option::of(duration()), tolerations()).prop_map(
        |([namespace, account, secrets, labels, claims, keep], parallelism, time_limit, tolerations)| {
            WorkflowSettings {
                parallelism,
                time_limit,
                namespace: namespace.then(|| owned("ml")),
                service_account: account.then(|| owned("argo")),
                image_pull_secrets: if secrets { vec![owned("registry")] } else { vec![] },
                labels: if labels { map(&[("owner", "no")]) } else { IndexMap::new() },
                annotations: if labels { map(&[("x/y", "1")]) } else { IndexMap::new() },
                node_selector: if labels { map(&[("pool", "ml")]) } else { IndexMap::new() },
                tolerations,
                volume_claims: if claims {
                    vec![VolumeClaim {
                        name: owned("work"),
                        size: owned("10Gi"),
                        storage_class: account.then(|| owned("fast")),
                        shared_between_nodes: keep,
                    }]
                } else {
                    vec![]
                },
                keep_finished: keep.then(|| Duration::from_seconds(86_400)),
            }
        },
    )
}
