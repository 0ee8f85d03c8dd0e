//! The shapes of sequences: each query, and what the model needs to know of it.

#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) time: i64,
    pub(super) name: char,
    pub(super) entity: Option<u8>,
    pub(super) args: Vec<u8>,
}

/// A query and what the model needs to know of it.
pub(super) struct Shape {
    pub(super) query: &'static str,
    /// The names that each stage selects.
    pub(super) stages: &'static [&'static str],
    pub(super) until: &'static str,
    pub(super) maxspan_ms: i64,
    /// The keys of a document at a stage; at `stages.len()` for until, and for what must not occur.
    pub(super) keys: fn(&Document, usize) -> Vec<Option<u8>>,
    /// What must not occur: before which stage, and its names.
    pub(super) missing: &'static [(usize, &'static str)],
    /// Whether a document continues these at a stage.
    pub(super) joined: fn(&[&Document], &Document, usize) -> bool,
}

fn by_entity(document: &Document, _: usize) -> Vec<Option<u8>> {
    document.entity.map(Some).into_iter().collect()
}

pub(super) const SHAPES: &[Shape] = &[
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s
            [process where process.name == "a"] [process where process.name == "b"] [process where process.name == "c"]"#,
        stages: &["a", "b", "c"],
        until: "",
        maxspan_ms: 10_000,
        keys: by_entity,
        ..PLAIN
    },
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s
            [process where process.name in ("a", "b")] [process where process.name in ("b", "c")] [process where process.name == "b"]
            until [process where process.name in ("u", "a")]"#,
        stages: &["ab", "bc", "b"],
        until: "ua",
        maxspan_ms: 10_000,
        keys: by_entity,
        ..PLAIN
    },
    Shape {
        query: r#"sequence by ?process.entity_id [process where process.name == "a"] [process where process.name in ("a", "b")]
            until [process where process.name == "u"]"#,
        stages: &["a", "ab"],
        until: "u",
        maxspan_ms: i64::MAX,
        keys: |document, _| vec![document.entity],
        ..PLAIN
    },
    Shape {
        query: r#"sequence with maxspan=10s [process where process.name in ("a", "b")] by process.entity_id
            [process where process.name in ("b", "c")] by process.args"#,
        stages: &["ab", "bc"],
        until: "",
        maxspan_ms: 10_000,
        keys: |document, stage| match stage {
            0 => by_entity(document, 0),
            _ => document.args.iter().copied().map(Some).collect(),
        },
        ..PLAIN
    },
    Shape {
        query: r#"sequence with maxspan=5000ms by process.entity_id [process where process.name == "a"] with runs=3
            [process where process.name in ("a", "b")]"#,
        stages: &["a", "a", "a", "ab"],
        until: "",
        maxspan_ms: 5_000,
        keys: by_entity,
        ..PLAIN
    },
    Shape {
        query: r#"sequence [any where process.name == "a"] [any where process.name == "b"]"#,
        stages: &["a", "b"],
        until: "",
        maxspan_ms: i64::MAX,
        keys: |_, _| vec![None],
        ..PLAIN
    },
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s [process where process.name in ("a", "b")]
            ![process where process.name in ("u", "a")] [process where process.name in ("b", "c")]"#,
        stages: &["ab", "bc"],
        maxspan_ms: 10_000,
        missing: &[(1, "ua")],
        ..PLAIN
    },
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s ![process where process.name in ("u", "b")]
            [process where process.name in ("a", "b")] [process where process.name in ("b", "c")]"#,
        stages: &["ab", "bc"],
        maxspan_ms: 10_000,
        missing: &[(0, "ub")],
        ..PLAIN
    },
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s [process where process.name in ("a", "b")]
            [process where process.name in ("b", "c")] ![process where process.name in ("u", "c")]"#,
        stages: &["ab", "bc"],
        maxspan_ms: 10_000,
        missing: &[(2, "uc")],
        ..PLAIN
    },
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s ![process where process.name in ("u", "b")]
            [process where process.name in ("a", "b")] ![any where process.name == "x"] ![any where process.name == "u"]
            [process where process.name == "b"] ![process where process.name in ("u", "c")]"#,
        stages: &["ab", "b"],
        maxspan_ms: 10_000,
        missing: &[(0, "ub"), (1, "x"), (1, "u"), (2, "uc")],
        ..PLAIN
    },
    Shape {
        query: r#"sequence with maxspan=5s [process where process.name == "a"] ![process where process.name == "b"]"#,
        stages: &["a"],
        maxspan_ms: 5_000,
        missing: &[(1, "b")],
        keys: |_, _| vec![None],
        ..PLAIN
    },
    Shape {
        query: r#"sequence with maxspan=10s [process where process.name in ("a", "b")] as first
            [process where process.name in ("b", "c") and process.args == first.process.entity_id]
            until [process where process.name == "u"]"#,
        stages: &["ab", "bc"],
        until: "u",
        maxspan_ms: 10_000,
        keys: |_, _| vec![None],
        joined: |earlier, document, stage| {
            stage == 0 || earlier[0].entity.is_some_and(|entity| document.args.contains(&entity))
        },
        ..PLAIN
    },
];

const PLAIN: Shape = Shape {
    query: "",
    stages: &[],
    until: "",
    maxspan_ms: i64::MAX,
    keys: by_entity,
    missing: &[],
    joined: |_, _, _| true,
};
