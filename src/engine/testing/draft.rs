//! Random steps before they have names and references.

use proptest::prelude::*;

use super::parts::{function, location, settings};
use super::texts::text;
use crate::api::{Function, Literal};

/// What a random step is made of; names and references are chosen when the whole program is known.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) base: &'static str,
    pub(super) function: Function,
    pub(super) settings: Box<crate::api::StepSettings>,
    pub(super) after: Vec<prop::sample::Index>,
    pub(super) condition: Option<DraftCondition>,
    pub(super) shape: Shape,
    pub(super) inputs: Vec<(bool, prop::sample::Index, String)>,
    pub(super) external: Option<crate::api::ArtifactLocation>,
    pub(super) store: Option<crate::api::ArtifactLocation>,
    pub(super) outputs: u8,
    pub(super) words: Vec<String>,
    pub(super) reads: prop::sample::Index,
}

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Plain,
    Map(DraftItems, Option<u32>),
    Loop(DraftCondition, u32, Option<u64>),
}

#[derive(Debug, Clone)]
pub(super) enum DraftItems {
    Words(Vec<String>),
    Objects(u8),
    Range(i64, u8, u32, Option<u32>),
    Product(Vec<String>),
    Output(prop::sample::Index),
    Parameter,
}

#[derive(Debug, Clone)]
pub(super) enum DraftCondition {
    Compare(prop::sample::Index, u8, Literal),
    Pair(prop::sample::Index, u8, prop::sample::Index),
    In(prop::sample::Index, Vec<Literal>),
    /// The status of a step, equal or not to one of the three.
    Status(prop::sample::Index, bool, u8),
    Join(bool, Vec<DraftCondition>),
}

const BASES: [&str; 12] = [
    "main",
    "again",
    "pause",
    "load",
    "train",
    "train-loop",
    "train-each",
    "on-exit",
    "evaluate-2",
    "notify",
    "s",
    "main-2",
];

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        prop::sample::select(vec!["0.9", "3", "-1", "100", "0.05"]).prop_map(|n| Literal::Number(n.into())),
        prop::sample::select(vec!["heads", "it's", "a\\b", "x y", "true", "in", "ünï", "{{x}}"])
            .prop_map(|t| Literal::Text(t.into())),
    ]
}

fn condition() -> impl Strategy<Value = DraftCondition> {
    let leaf = prop_oneof![
        (any::<prop::sample::Index>(), 0..6u8, literal())
            .prop_map(|(a, b, c)| DraftCondition::Compare(a, b, c)),
        (any::<prop::sample::Index>(), 0..6u8, any::<prop::sample::Index>())
            .prop_map(|(a, b, c)| DraftCondition::Pair(a, b, c)),
        (any::<prop::sample::Index>(), prop::collection::vec(literal(), 1..4))
            .prop_map(|(a, b)| DraftCondition::In(a, b)),
        (any::<prop::sample::Index>(), any::<bool>(), 0..3u8)
            .prop_map(|(step, equal, status)| DraftCondition::Status(step, equal, status)),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        (any::<bool>(), prop::collection::vec(inner, 2..4))
            .prop_map(|(and, parts)| DraftCondition::Join(and, parts))
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let items = prop_oneof![
        prop::collection::vec("[a-z0-9 ./:é-]{0,8}", 1..4).prop_map(DraftItems::Words),
        (1..3u8).prop_map(DraftItems::Objects),
        (-3..5i64, 0..4u8, prop_oneof![2 => Just(1u32), 1 => 2..4u32], prop::option::weighted(0.3, 1..4u32))
            .prop_map(|(start, more, step, pad)| DraftItems::Range(start, more, step, pad)),
        prop::collection::vec("[a-z0-9 ./:é-]{0,8}", 1..3).prop_map(DraftItems::Product),
        any::<prop::sample::Index>().prop_map(DraftItems::Output),
        Just(DraftItems::Parameter),
    ];
    prop_oneof![
        5 => Just(Shape::Plain),
        2 => (items, prop::option::of(1..5u32)).prop_map(|(items, limit)| Shape::Map(items, limit)),
        2 => (condition(), prop_oneof![1..12u32, 39..130u32], prop::option::of(1..100_000u64))
            .prop_map(|(condition, limit, pause)| Shape::Loop(condition, limit, pause)),
    ]
}

pub(super) fn draft() -> impl Strategy<Value = Draft> {
    let first = (
        prop::sample::select(BASES.to_vec()),
        function(),
        settings(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        prop::option::weighted(0.4, condition()),
        shape(),
    );
    let second = (
        prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), text()), 0..3),
        prop::option::weighted(0.3, location()),
        prop::option::weighted(0.3, location()),
        0..4u8,
        prop::collection::vec(text(), 0..3),
        any::<prop::sample::Index>(),
    );
    (first, second).prop_map(|(first, second)| {
        let (base, function, settings, after, condition, shape) = first;
        let (inputs, external, store, outputs, words, reads) = second;
        Draft {
            base,
            function,
            settings: Box::new(settings),
            after,
            condition,
            shape,
            inputs,
            external,
            store,
            outputs,
            words,
            reads,
        }
    })
}
