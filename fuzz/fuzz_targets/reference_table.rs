//! Reference tables; what parses must be written back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use models::ReferenceTable;

fuzz_target!(|file: &[u8]| {
    if let Ok(table) = ReferenceTable::parse(file, "fuzz") {
        table.to_bytes("emitted").expect("a table that parses can be written");
    }
});
