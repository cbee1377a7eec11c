//! Huffman's code (RFC 7541, B), as far as it is read here.

/// How many codes have one bit, two and so on. They are canonical: those of
/// one length follow one another, behind all that are shorter.
const CODES: [u32; 30] = [
    0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29,
    0, 4,
];

/// Digits: 0 to 2 in five bits as themselves, 3 to 9 in six from 011001 on, then less than a byte of
/// ones.
pub fn decoded_digits(coded: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut n_bits, mut digits) = (0_u32, 0_u32, Vec::new());
    let mut rest = coded.iter();
    loop {
        while n_bits < 8
            && let Some(byte) = rest.next()
        {
            bits = bits << 8 | u32::from(*byte);
            n_bits += 8;
        }
        bits &= (1 << n_bits) - 1;
        if n_bits < 8 && bits == (1 << n_bits) - 1 {
            return Some(digits);
        }
        let five = bits >> n_bits.checked_sub(5)?;
        let (digit, taken) = match five {
            0..=2 => (five, 5),
            _ => match bits >> n_bits.checked_sub(6)? {
                six @ 0b01_1001..=0b01_1111 => (six - 0b01_0110, 6),
                _ => return None,
            },
        };
        digits.push(b'0' + u8::try_from(digit).ok()?);
        n_bits -= taken;
    }
}

/// How long a text in Huffman's code is when it is decoded.
pub fn decoded_length(coded: &[u8]) -> usize {
    walked(coded).length
}

/// Whether a text in Huffman's code has its end in it, as a sign or as a whole byte of ones behind the
/// last sign, which is an error (RFC 7541, 5.2).
pub fn has_end(coded: &[u8]) -> bool {
    // Either has a byte of ones, which hardly any text has.
    coded.contains(&u8::MAX) && {
        let walked = walked(coded);
        walked.has_end || walked.bits_left > 7
    }
}

/// What a text in Huffman's code comes to.
#[derive(Debug, Default)]
struct Walked {
    length: usize,
    has_end: bool,
    /// How many bits are behind the last sign.
    bits_left: usize,
}

fn walked(coded: &[u8]) -> Walked {
    /// The sign of the end: as many ones as the longest code has bits.
    const END: u32 = (1 << CODES.len()) - 1;
    let (mut code, mut first, mut walked) = (0, 0, Walked::default());
    let bits = coded
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |place| u32::from(byte >> place & 1)));
    for bit in bits {
        code += bit;
        let n_codes = CODES.get(walked.bits_left).copied().unwrap_or_default();
        if code < first + n_codes {
            walked.has_end |= code == END;
            walked.length += 1;
            (code, first, walked.bits_left) = (0, 0, 0);
        } else {
            (code, first) = (2 * code, 2 * (first + n_codes));
            walked.bits_left += 1;
        }
    }
    walked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_coded_texts_are_found() {
        for (coded, expected) in [
            (&[][..], 0),
            // The examples of RFC 7541, C.4 and C.6.
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
                "www.example.com".len(),
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], "no-cache".len()),
            (&[0x64, 0x02], "302".len()),
            // Line feeds have thirty bits.
            (&[0xff, 0xff, 0xff, 0xf3], "\n".len()),
        ] {
            assert_eq!(decoded_length(coded), expected, "{coded:x?}");
        }
    }

    #[test]
    fn ends_within_texts_are_found() {
        for (coded, expected) in [
            (&[][..], false),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], false),
            (&[0x68, 0x0f, 0xff], false),
            (&[0xff, 0xff, 0xff, 0xf3], false),
            (&[0xff, 0xff, 0xff, 0xff], true),
            (&[0x1f, 0xff, 0xff, 0xff, 0xff], true),
            (&[0xff], true),
            (&[0x07, 0xff], true),
        ] {
            assert_eq!(has_end(coded), expected, "{coded:x?}");
        }
    }

    #[test]
    fn digits_are_decoded() {
        for (coded, expected) in [
            (&[0x64, 0x02][..], Some(&b"302"[..])),
            (&[0x64, 0x0e, 0xff], Some(b"307")),
            (&[0x08, 0xbf], Some(b"12")),
            (
                &[0x08, 0x99, 0x69, 0xb7, 0x1d, 0x79, 0xf0, 0x7f],
                Some(b"1234567890"),
            ),
            (&[0x6f, 0xcf], None),
            (&[0xff], None),
            (&[], Some(b"")),
        ] {
            let found = decoded_digits(coded);
            assert_eq!(found.as_deref(), expected, "{coded:x?}");
        }
    }
}
