//! Any text is a contract that can be used, or an error with a place in the text, a code and a fix.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tidegate_contract::{DataContract, Tally, compatibility, gaps, upcast};

fuzz_target!(|text: &str| {
    let contract = match DataContract::parse("c", text) {
        Ok(contract) => contract,
        Err(error) => {
            assert!(error.code().starts_with("TG7") && !error.help().is_empty());
            let at = error.location().expect("a place in the text");
            assert!(text.get(at.offset..at.offset + at.length).is_some() && at.line > 0 && at.column > 0, "{error}");
            return;
        }
    };
    let mut later = contract.clone();
    later.version.major = later.version.major.saturating_add(1);
    if later.version > contract.version {
        let found = compatibility(&later, &[&contract], contract.compatibility).expect("a later version of itself");
        assert!(found.is_empty(), "nothing changed: {found:?}");
        upcast(&contract, &later).expect("a later version of itself");
    }
    assert!(gaps(&contract, &contract.schema()).is_empty());
    let tally = Tally::new(Arc::new(contract));
    assert!(tally.result_rows().num_rows() == tally.results().len());
});
