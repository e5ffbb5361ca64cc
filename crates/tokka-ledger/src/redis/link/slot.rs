//! In which slot of a Redis Cluster does a hash tag lie?

/// Slots of a cluster, whatever its size.
pub(crate) const SLOTS: u16 = 16_384;

/// The slot of every key with this hash tag (the bytes between the braces, or a whole key that has none).
pub(crate) fn slot_of_tag(tag: &[u8]) -> u16 {
    crc16(tag) % SLOTS
}

/// CRC-16/XMODEM: polynomial 0x1021, start 0, nothing reflected. A tag is a few bytes, read once a shard: no table.
fn crc16(bytes: &[u8]) -> u16 {
    let mut crc: u16 = 0;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        // The first is the check value of the algorithm, the others what `CLUSTER KEYSLOT` answers.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        let vectors: [(&[u8], u16); 6] =
            [(b"", 0), (b"a", 15_495), (b"foo", 12_182), (b"bar", 5_061), (b"somekey", 11_058), (b"user1000", 3_443)];
        for (tag, slot) in vectors {
            assert_eq!(slot_of_tag(tag), slot, "{}", String::from_utf8_lossy(tag));
        }
    }
}
