//! What a pipeline counts.

/// What went through, and what was evicted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken in.
    pub events: u64,
    /// Those of them that were copies of others, and left out.
    pub copies: u64,
    /// Events that arrived later than the lateness allows.
    pub late: u64,
    /// Events that came after a later one had been released, because the reorder buffer was full.
    pub overtaken: u64,
    /// Executions evicted because the process table was full.
    pub evicted_executions: u64,
    /// Those of them that were running, or had exited so lately that connections could yet be reported.
    pub evicted_in_use: u64,
    /// Partial sequences evicted.
    pub evicted_sequences: u64,
    /// Alerts by rule, in the order of the rules.
    pub alerts: Vec<u64>,
    /// Alerts held back by the limits of volume; summaries count them.
    pub suppressed: u64,
    /// Cases given up because too many were open.
    pub evicted_cases: u64,
    /// Sequences held back, by exception, in the order of the exceptions.
    pub excepted: Vec<u64>,
}
