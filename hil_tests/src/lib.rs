//! Boards under test.
