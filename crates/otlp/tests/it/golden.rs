//! Does each convention become the rows it should?

use tidegate_otlp::{Format, Signal};

use crate::{CONTEXT, column, mapper, show};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}

#[test]
fn an_agent_of_the_python_sdk() {
    let mapped = mapper("otel-genai").proto(Signal::Traces, fixture!("otel_genai.binpb"), &CONTEXT).unwrap();
    insta::assert_snapshot!(show(mapped));
}

#[test]
fn a_chain_of_openinference_with_annotations_and_a_judge() {
    let mapped = mapper("otel-genai").proto(Signal::Traces, fixture!("openinference.binpb"), &CONTEXT).unwrap();
    insta::assert_snapshot!(show(mapped));
}

#[test]
fn the_mapping_of_openinference_says_the_same() {
    let check = |name: &str| {
        let mapped = mapper(name).proto(Signal::Traces, fixture!("openinference.binpb"), &CONTEXT).unwrap();
        let rows = mapped.unredacted();
        (rows.steps, rows.labels)
    };
    assert_eq!(check("openinference"), check("otel-genai"));
}

#[test]
fn each_convention_written_by_hand() {
    for (mapping, file) in [
        ("otel-genai-1.36", fixture!("otel_genai_1_36.json")),
        ("otel-genai-1.37", fixture!("otel_genai_1_37.json")),
        ("otel-genai-dev", fixture!("otel_genai_dev.json")),
        ("openinference", fixture!("openinference.json")),
    ] {
        let mapped = mapper(mapping).file(Format::OtlpJson, file, &CONTEXT).unwrap();
        insta::assert_snapshot!(mapping, show(mapped));
    }
}

#[test]
fn a_label_that_comes_as_a_log_finds_its_decision() {
    let mapper = mapper("otel-genai");
    let traces = mapper.proto(Signal::Traces, fixture!("otel_genai.binpb"), &CONTEXT).unwrap().unredacted();
    let logs = mapper.file(Format::OtlpProto, fixture!("evaluation_logs.binpb"), &CONTEXT).unwrap();
    assert_eq!((logs.tally().logs, logs.tally().labels), (2, 1));
    let labels = logs.unredacted().labels;
    assert_eq!(column(&labels, "label_name"), ["task_completion"]);
    assert_eq!(column(&labels, "label_kind"), ["task_completed"]);
    assert_eq!(column(&labels, "decision_id"), column(&traces.decisions, "decision_id"));
}

#[test]
fn files_are_read_however_requests_are_separated() {
    let request = fixture!("otel_genai.binpb");
    let mapper = mapper("otel-genai");
    let whole = mapper.proto(Signal::Traces, request, &CONTEXT).unwrap().unredacted().decisions;
    let length = u32::try_from(request.len()).unwrap();
    let fixed = [&length.to_be_bytes()[..], request].concat();
    let mut varint = Vec::new();
    prost::encode_length_delimiter(request.len(), &mut varint).unwrap();
    varint.extend_from_slice(request);
    for file in [request.to_vec(), fixed, varint] {
        let rows = mapper.file(Format::OtlpProto, &file, &CONTEXT).unwrap().unredacted();
        assert_eq!(rows.decisions, whole);
    }
    let json = fixture!("openinference.json");
    let document = String::from_utf8(json.to_vec()).unwrap().replace('\n', "");
    let lines = format!("{document}\n\n{{}}\n{document}\n");
    let mapped = mapper.file(Format::OtlpJson, lines.as_bytes(), &CONTEXT).unwrap();
    assert_eq!((mapped.tally().spans, mapped.tally().decisions), (8, 1));
}
