//! The messages of a `DoPut` call are decoded or refused, whatever they are.
//!
//! Input: messages one behind the other, each as two lengths of 16 bits, a header and a body.
#![no_main]

use arrow_flight::FlightData;
use futures::executor::block_on;
use libfuzzer_sys::fuzz_target;
use tidegate_receive::{Decoder, Limits};

fn messages(mut input: &[u8]) -> Vec<FlightData> {
    let mut messages = Vec::new();
    while let Some((lengths, rest)) = input.split_first_chunk::<4>() {
        let header = usize::from(u16::from_le_bytes([lengths[0], lengths[1]])).min(rest.len());
        let (header, rest) = rest.split_at(header);
        let body = usize::from(u16::from_le_bytes([lengths[2], lengths[3]])).min(rest.len());
        let (body, rest) = rest.split_at(body);
        messages.push(FlightData::new().with_data_header(header.to_vec()).with_data_body(body.to_vec()));
        input = rest;
    }
    messages
}

/// A panic in Arrow ends the call, which is the decoder's to see to; every other one is a bug.
fn allow_panics_of_arrow() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let of_arrow = panic.location().is_some_and(|at| at.file().contains("/arrow-"));
        if !of_arrow {
            abort(panic);
        }
    }));
}

fuzz_target!(init: allow_panics_of_arrow(), |input: &[u8]| {
    let limits = Limits { message_bytes: 1 << 20, batch_rows: 1 << 16, ..Limits::default() };
    let messages = futures::stream::iter(messages(input).into_iter().map(Ok));
    let mut decoder = Decoder::new(messages, &limits);
    block_on(async { while let Some(Ok(_)) = decoder.next().await {} });
});
