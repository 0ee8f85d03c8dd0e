//! The configurations of shippers against what each product publishes of its keys.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

/// For each file the keys that it may have and the type of each, copied from the product's schema. `A|B` is one of these
/// words; elements of an array are named `[]`.
const PUBLISHED: &[(&str, &[(&str, &str)])] = &[
    // `vector generate-schema`, as its site publishes it: website/cue/reference in vectordotdev/vector, August 2026.
    (
        "vector.yaml",
        &[
            ("data_dir", "string"),
            ("sources.osawatch.type", "file"),
            ("sources.osawatch.include", "strings"),
            ("sources.osawatch.exclude", "strings"),
            ("sources.osawatch.read_from", "beginning|end"),
            ("sources.osawatch.fingerprint.strategy", "checksum|device_and_inode"),
            ("sources.osawatch.max_line_bytes", "integer"),
            ("transforms.osawatch_parsed.type", "remap"),
            ("transforms.osawatch_parsed.inputs", "strings"),
            ("transforms.osawatch_parsed.source", "string"),
            ("sinks.elasticsearch.type", "elasticsearch"),
            ("sinks.elasticsearch.inputs", "strings"),
            ("sinks.elasticsearch.endpoints", "strings"),
            ("sinks.elasticsearch.mode", "bulk|data_stream"),
            ("sinks.elasticsearch.data_stream.type", "string"),
            ("sinks.elasticsearch.data_stream.dataset", "string"),
            ("sinks.elasticsearch.data_stream.namespace", "string"),
            ("sinks.elasticsearch.pipeline", "string"),
            ("sinks.elasticsearch.id_key", "string"),
            ("sinks.elasticsearch.acknowledgements.enabled", "boolean"),
        ],
    ),
    // config.schema.yaml of each component in open-telemetry/opentelemetry-collector and -contrib, 2026: filelogreceiver,
    // filestorage, otlphttpexporter, configretry, exporterhelper. That of the operator json_parser is the parser_config of
    // pkg/stanza.
    (
        "otelcol.yaml",
        &[
            ("receivers.filelog/osawatch.include", "strings"),
            ("receivers.filelog/osawatch.start_at", "string"),
            ("receivers.filelog/osawatch.storage", "string"),
            ("receivers.filelog/osawatch.max_log_size", "size"),
            ("receivers.filelog/osawatch.poll_interval", "duration"),
            ("receivers.filelog/osawatch.operators[].type", "string"),
            ("receivers.filelog/osawatch.operators[].parse_to", "string"),
            ("receivers.filelog/osawatch.operators[].timestamp.parse_from", "string"),
            ("receivers.filelog/osawatch.operators[].timestamp.layout_type", "string"),
            ("receivers.filelog/osawatch.operators[].timestamp.layout", "string"),
            ("extensions.file_storage/osawatch.directory", "string"),
            ("exporters.otlphttp.endpoint", "string"),
            ("exporters.otlphttp.retry_on_failure.enabled", "boolean"),
            ("exporters.otlphttp.retry_on_failure.max_elapsed_time", "duration"),
            ("exporters.otlphttp.sending_queue.enabled", "boolean"),
            ("exporters.otlphttp.sending_queue.storage", "string"),
            ("service.extensions", "strings"),
            ("service.pipelines.logs/osawatch.receivers", "strings"),
            ("service.pipelines.logs/osawatch.exporters", "strings"),
        ],
    ),
    // `fluent-bit -J` of 26.2.1; it leaves out `service`, which the manual describes, and what every plugin has.
    (
        "fluent-bit.yaml",
        &[
            ("service.flush", "integer"),
            ("service.parsers_file", "string"),
            ("service.storage.path", "string"),
            ("pipeline.inputs[].name", "tail"),
            ("pipeline.inputs[].tag", "string"),
            ("pipeline.inputs[].storage.type", "filesystem|memory"),
            ("pipeline.inputs[].path", "string"),
            ("pipeline.inputs[].parser", "string"),
            ("pipeline.inputs[].read_from_head", "boolean"),
            ("pipeline.inputs[].db", "string"),
            ("pipeline.inputs[].rotate_wait", "integer"),
            ("pipeline.inputs[].buffer_max_size", "size"),
            ("pipeline.inputs[].skip_long_lines", "boolean"),
            ("pipeline.outputs[].name", "es"),
            ("pipeline.outputs[].match", "string"),
            ("pipeline.outputs[].host", "string"),
            ("pipeline.outputs[].retry_limit", "no_limits|no_retries"),
            ("pipeline.outputs[].port", "integer"),
            ("pipeline.outputs[].tls", "boolean"),
            ("pipeline.outputs[].index", "string"),
            ("pipeline.outputs[].write_operation", "create|index|update|upsert"),
            ("pipeline.outputs[].pipeline", "string"),
            ("pipeline.outputs[].suppress_type_name", "boolean"),
            ("pipeline.outputs[].time_key", "string"),
        ],
    ),
    // No schema is published; these are the keys of the template in the integration `filestream` of elastic/integrations.
    (
        "elastic-agent.yml",
        &[
            ("inputs[].type", "filestream"),
            ("inputs[].id", "string"),
            ("inputs[].use_output", "string"),
            ("inputs[].data_stream.namespace", "string"),
            ("inputs[].streams[].id", "string"),
            ("inputs[].streams[].data_stream.type", "string"),
            ("inputs[].streams[].data_stream.dataset", "string"),
            ("inputs[].streams[].paths", "strings"),
            ("inputs[].streams[].prospector.scanner.check_interval", "duration"),
            ("inputs[].streams[].prospector.scanner.exclude_files", "strings"),
            ("inputs[].streams[].pipeline", "string"),
            ("inputs[].streams[].tags", "strings"),
            ("inputs[].streams[].publisher_pipeline.disable_host", "boolean"),
            ("inputs[].streams[].parsers[].ndjson.target", "string"),
            ("inputs[].streams[].parsers[].ndjson.overwrite_keys", "boolean"),
            ("inputs[].streams[].parsers[].ndjson.expand_keys", "boolean"),
            ("inputs[].streams[].parsers[].ndjson.add_error_key", "boolean"),
        ],
    ),
];

/// Every value by the path of its keys.
fn flat<'a>(value: &'a Yaml, path: &str, found: &mut BTreeMap<String, &'a Yaml>) {
    match value {
        Yaml::Hash(entries) => {
            for (key, value) in entries {
                let key = key.as_str().expect("a key is text");
                flat(value, &if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }, found);
            }
        }
        Yaml::Array(values) if values.iter().all(|value| value.as_str().is_none()) => {
            values.iter().for_each(|value| flat(value, &format!("{path}[]"), found));
        }
        _ => assert!(found.insert(path.to_owned(), value).is_none(), "{path} stands there twice"),
    }
}

fn fits(value: &Yaml, kind: &str) -> bool {
    let number_and = |units: &[&str]| {
        let text = value.as_str().unwrap_or_default();
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        unit.len() < text.len() && units.contains(&unit)
    };
    match kind {
        "string" => value.as_str().is_some(),
        "boolean" => value.as_bool().is_some(),
        "integer" => value.as_i64().is_some_and(|number| number >= 0),
        "strings" => value.as_vec().is_some_and(|all| !all.is_empty() && all.iter().all(|one| one.as_str().is_some())),
        "duration" => number_and(&["ms", "s", "m", "h"]),
        "size" => number_and(&["k", "K", "M", "KiB", "MiB"]),
        words => value.as_str().is_some_and(|text| words.split('|').any(|word| word == text)),
    }
}

#[test]
fn every_shipper_is_given_only_keys_that_its_product_publishes_each_of_its_type() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/shippers");
    for (name, published) in PUBLISHED {
        let documents = YamlLoader::load_from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap();
        let [document] = &documents[..] else { panic!("{name}: one document") };
        let mut given = BTreeMap::new();
        flat(document, "", &mut given);
        for (key, kind) in *published {
            match given.remove(*key) {
                Some(value) => assert!(fits(value, kind), "{name}: {key} is no {kind}: {value:?}"),
                None => panic!("{name}: {key} is not there"),
            }
        }
        assert!(given.is_empty(), "{name}: {:?} are not among its published keys", given.keys());
    }
}
