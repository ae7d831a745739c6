//! How a pod runs: environment, resources, volumes, placement.

use indexmap::IndexMap;

use super::super::kubernetes::names::dns_label;
use super::super::kubernetes::settings::GPU;
use super::context::Context;
use super::files;
use super::modules::Module;
use super::pod::{merged, strings};
use super::python::Expr;
use super::task::{Arguments, set};
use crate::api::{
    Resources, Secret, Toleration, TolerationEffect, TolerationOperator, Volume, WorkflowSettings,
};
use crate::ir::Node;

/// Environment variables and secrets.
pub(crate) fn environment(context: &Context<'_>, node: &Node, arguments: &mut Arguments) {
    let variables = files::environment(context, node);
    // Airflow's `Secret` writes the variable in capitals, so other names are written out.
    let (plain, other): (Vec<&Secret>, Vec<&Secret>) =
        node.settings.secrets.iter().partition(|secret| secret.env == secret.env.to_uppercase());
    if other.is_empty() {
        if !variables.is_empty() {
            set(arguments, "env_vars", Expr::Dict(variables));
        }
    } else {
        let given = variables.into_iter().map(|(name, value)| {
            Expr::with("k8s.V1EnvVar", vec![("name", Expr::text(name)), ("value", value)])
        });
        set(arguments, "env_vars", Expr::List(given.chain(other.into_iter().map(secret_variable)).collect()));
    }
    if !plain.is_empty() {
        let secret = |secret: &&Secret| {
            let words = ["env", &secret.env, &secret.secret, &secret.key];
            Expr::call("Secret", words.into_iter().map(Expr::text).collect())
        };
        set(arguments, "secrets", Expr::List(plain.iter().map(secret).collect()));
    }
}

fn secret_variable(secret: &Secret) -> Expr {
    let key = vec![("name", Expr::text(&secret.secret)), ("key", Expr::text(&secret.key))];
    let source = vec![("secret_key_ref", Expr::with("k8s.V1SecretKeySelector", key))];
    let source = Expr::with("k8s.V1EnvVarSource", source);
    Expr::with("k8s.V1EnvVar", vec![("name", Expr::text(&secret.env)), ("value_from", source)])
}

/// Resources, volumes, and where the pod runs.
pub(crate) fn placement(context: &Context<'_>, node: &Node, arguments: &mut Arguments) {
    let (own, shared) = (&node.settings, &context.workflow.settings);
    if let Some(resources) = resources(&own.resources) {
        set(arguments, "container_resources", resources);
    }
    volumes(context, &own.volumes, arguments);
    if let Some(selector) = merged(&shared.node_selector, &own.node_selector) {
        set(arguments, "node_selector", selector);
    }
    if !own.tolerations.is_empty() {
        set(arguments, "tolerations", tolerations(shared.tolerations.iter().chain(&own.tolerations)));
    }
    if let Some(account) = &own.service_account {
        set(arguments, "service_account_name", Expr::text(account));
    }
    for (name, shared, own) in
        [("labels", &shared.labels, &own.labels), ("annotations", &shared.annotations, &own.annotations)]
    {
        if let Some(entries) = merged(shared, own) {
            set(arguments, name, entries);
        }
    }
}

/// What all pods of a workflow have in common, as default arguments.
pub(crate) fn shared(settings: &WorkflowSettings, namespace: Option<&String>) -> Vec<(String, Expr)> {
    let mut entries = Vec::new();
    let mut add = |name: &str, value: Expr| entries.push((name.to_owned(), value));
    if let Some(namespace) = namespace {
        add("namespace", Expr::text(namespace));
    }
    if let Some(account) = &settings.service_account {
        add("service_account_name", Expr::text(account));
    }
    if !settings.image_pull_secrets.is_empty() {
        let secret =
            |name: &String| Expr::with("k8s.V1LocalObjectReference", vec![("name", Expr::text(name))]);
        add("image_pull_secrets", Expr::List(settings.image_pull_secrets.iter().map(secret).collect()));
    }
    for (name, map) in [
        ("labels", &settings.labels),
        ("annotations", &settings.annotations),
        ("node_selector", &settings.node_selector),
    ] {
        if !map.is_empty() {
            add(name, strings(map));
        }
    }
    if !settings.tolerations.is_empty() {
        add("tolerations", tolerations(settings.tolerations.iter()));
    }
    entries
}

fn resources(resources: &Resources) -> Option<Expr> {
    let gpu = resources.gpu_resource.as_deref().unwrap_or(GPU);
    let count = resources.gpu.filter(|count| *count > 0).map(|count| count.to_string());
    let sides = [
        (
            "requests",
            vec![
                ("cpu", resources.cpu.clone()),
                ("memory", resources.memory.clone()),
                ("ephemeral-storage", resources.disk.clone()),
            ],
        ),
        (
            "limits",
            vec![
                ("cpu", resources.cpu_limit.clone()),
                ("memory", resources.memory_limit.clone()),
                (gpu, count),
            ],
        ),
    ];
    let named: Vec<(&str, Expr)> = sides
        .into_iter()
        .filter_map(|(name, amounts)| {
            let given: IndexMap<String, String> =
                amounts.into_iter().filter_map(|(name, amount)| Some((name.to_owned(), amount?))).collect();
            (!given.is_empty()).then(|| (name, strings(&given)))
        })
        .collect();
    (!named.is_empty()).then(|| Expr::with("k8s.V1ResourceRequirements", named))
}

fn volumes(context: &Context<'_>, mounted: &[Volume], arguments: &mut Arguments) {
    let mut volumes: Vec<(String, Expr)> = Vec::new();
    let mut mounts = Vec::new();
    for (number, volume) in mounted.iter().enumerate() {
        let source = source(context, volume);
        let scratch = matches!(volume, Volume::EmptyDir { .. });
        let known =
            volumes.iter().find(|(_, known)| *known == source && !scratch).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("volume-{number}");
            volumes.push((name.clone(), source));
            name
        });
        let mut named = vec![("name", Expr::text(name)), ("mount_path", Expr::text(volume.path()))];
        if let Volume::Claim { sub_path, read_only, .. } = volume {
            named.extend(sub_path.as_ref().map(|path| ("sub_path", Expr::text(path))));
            named.extend(read_only.then(|| ("read_only", Expr::code("True"))));
        }
        mounts.push(Expr::with("k8s.V1VolumeMount", named));
    }
    if mounts.is_empty() {
        return;
    }
    let volume = |(name, source): (String, Expr)| {
        let Expr::Call(function, mut positional, mut named) = source else { return Expr::text(name) };
        let kind = named.remove(0).0;
        let value = positional.remove(0);
        Expr::Call(function, vec![], vec![("name".to_owned(), Expr::text(name)), (kind, value)])
    };
    set(arguments, "volumes", Expr::List(volumes.into_iter().map(volume).collect()));
    set(arguments, "volume_mounts", Expr::List(mounts));
}

/// The source of a volume; its name is added later.
fn source(context: &Context<'_>, volume: &Volume) -> Expr {
    let made = |kind: &str, class: &str, named: Vec<(&str, Expr)>| {
        let kind = vec![(kind.to_owned(), Expr::code("None"))];
        Expr::Call("k8s.V1Volume".to_owned(), vec![Expr::with(class, named)], kind)
    };
    match volume {
        Volume::Claim { claim, .. } => made(
            "persistent_volume_claim",
            "k8s.V1PersistentVolumeClaimVolumeSource",
            vec![("claim_name", Expr::text(claim))],
        ),
        Volume::Shared { name, .. } => {
            context.uses(Module::Claim);
            let claim = Expr::text(format!("{{{{ claim('{}') }}}}", dns_label(name)));
            made(
                "persistent_volume_claim",
                "k8s.V1PersistentVolumeClaimVolumeSource",
                vec![("claim_name", claim)],
            )
        }
        Volume::EmptyDir { size, memory, .. } => {
            let mut named = Vec::new();
            named.extend(memory.then(|| ("medium", Expr::text("Memory"))));
            named.extend(size.as_ref().map(|size| ("size_limit", Expr::text(size))));
            made("empty_dir", "k8s.V1EmptyDirVolumeSource", named)
        }
        Volume::ConfigMap { name, .. } => {
            made("config_map", "k8s.V1ConfigMapVolumeSource", vec![("name", Expr::text(name))])
        }
        Volume::Secret { name, .. } => {
            made("secret", "k8s.V1SecretVolumeSource", vec![("secret_name", Expr::text(name))])
        }
        Volume::HostPath { host_path, .. } => {
            made("host_path", "k8s.V1HostPathVolumeSource", vec![("path", Expr::text(host_path))])
        }
    }
}

fn tolerations<'a>(tolerations: impl Iterator<Item = &'a Toleration>) -> Expr {
    let written = tolerations.map(|toleration| {
        let operator = match toleration.operator {
            TolerationOperator::Equal => "Equal",
            TolerationOperator::Exists => "Exists",
        };
        let effect = toleration.effect.map(|effect| match effect {
            TolerationEffect::NoSchedule => "NoSchedule",
            TolerationEffect::PreferNoSchedule => "PreferNoSchedule",
            TolerationEffect::NoExecute => "NoExecute",
        });
        let mut named = Vec::new();
        named.extend(toleration.key.as_ref().map(|key| ("key", Expr::text(key))));
        named.push(("operator", Expr::text(operator)));
        named.extend(toleration.value.as_ref().map(|value| ("value", Expr::text(value))));
        named.extend(effect.map(|effect| ("effect", Expr::text(effect))));
        Expr::with("k8s.V1Toleration", named)
    });
    Expr::List(written.collect())
}
