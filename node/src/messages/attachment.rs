//! The 33 bytes beside every message, as `rmw_zenoh` (0.2.4 and later) lays them: sequence number, source time, publisher id.
//!
//! They are sent in every key mode: a subscriber can count lost messages and measure age without opening the payload.

use super::{MessageError, MessageFault};

/// `i64 sequence | i64 source time | u8 16 | 16 bytes publisher id`, little endian.
pub const ATTACHMENT_BYTES: usize = 33;
const SEQUENCE: std::ops::Range<usize> = 0..8;
const SOURCE_TIME: std::ops::Range<usize> = 8..16;
const GID_LENGTH: usize = 16;
const GID: std::ops::Range<usize> = 17..33;

/// What travels beside a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attachment {
    /// Counts the messages of one publisher, from 1.
    pub sequence: i64,
    /// When the publisher sent it: nanoseconds since the UNIX epoch on its clock.
    pub source_time_ns: i64,
    /// The publisher: unique, otherwise without meaning.
    pub gid: [u8; 16],
}

impl Attachment {
    /// Reads an attachment.
    ///
    /// # Errors
    /// [`MessageFault::AttachmentInvalid`] unless it is exactly the 33 bytes above.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fault = MessageFault::AttachmentInvalid;
        let bytes: &[u8; ATTACHMENT_BYTES] = bytes.try_into().map_err(|_| MessageError { fault, byte: bytes.len() })?;
        if bytes[GID_LENGTH] != 16 {
            return Err(MessageError { fault, byte: GID_LENGTH });
        }
        let mut sequence = [0; 8];
        sequence.copy_from_slice(&bytes[SEQUENCE]);
        let mut source_time_ns = [0; 8];
        source_time_ns.copy_from_slice(&bytes[SOURCE_TIME]);
        let mut gid = [0; 16];
        gid.copy_from_slice(&bytes[GID]);
        Ok(Self { sequence: i64::from_le_bytes(sequence), source_time_ns: i64::from_le_bytes(source_time_ns), gid })
    }

    /// The bytes to send.
    pub fn emit(&self) -> [u8; ATTACHMENT_BYTES] {
        let mut bytes = [0; ATTACHMENT_BYTES];
        bytes[SEQUENCE].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[SOURCE_TIME].copy_from_slice(&self.source_time_ns.to_le_bytes());
        bytes[GID_LENGTH] = 16;
        bytes[GID].copy_from_slice(&self.gid);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_is_laid_as_rmw_zenoh_lays_it() {
        let attachment = Attachment { sequence: 0x0102, source_time_ns: -2, gid: *b"0123456789abcdef" };
        let bytes = attachment.emit();
        assert_eq!(&bytes[..8], &[2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[8..17], &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 16]);
        assert_eq!(&bytes[17..], b"0123456789abcdef");
        assert_eq!(Attachment::parse(&bytes).unwrap(), attachment);
    }

    #[test]
    fn any_other_length_is_refused() {
        let bytes = [16; 64];
        for length in (0..64).filter(|length| *length != ATTACHMENT_BYTES) {
            assert!(Attachment::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
        let mut wrong_gid = [16; 33];
        wrong_gid[16] = 15;
        assert_eq!(Attachment::parse(&wrong_gid).unwrap_err().byte, 16);
    }
}
