//! Writes an hour of a Mac at work, with one attack in it, as the ECS documents that Elastic Defend logs. The same
//! bytes in every run; the tests hold `examples/ordinary-hour.ndjson.gz` to them. To make that file again:
//!
//! `cargo run --example ordinary_hour | gzip -9n >examples/ordinary-hour.ndjson.gz`

mod mac;
mod scenes;

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    scenes::hour().write(&mut out)
}
