//! Finds the end of a body that is sent in chunks. It accepts the same bodies as the HTTP library. Where the library refuses a
//! body, the body ends here, because nothing after that place may be read.

/// The position in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before the size of a chunk.
    Start,
    /// Within the size of a chunk; its value so far.
    Size(u64),
    /// Within the extension after the size; the size.
    Extension(u64),
    /// Between the CR and the LF after the size; the size.
    SizeEnd(u64),
    /// Within a chunk; the number of its bytes that are left.
    Bytes(u64),
    /// After the bytes of a chunk, before their CR.
    BytesEnd,
    /// Between the CR and the LF after a chunk.
    BytesLineEnd,
    /// After the last chunk, at the start of a line.
    Last,
    /// Within a trailer line after the last chunk.
    Trailer,
    /// Between the CR and the LF of a trailer line.
    TrailerEnd,
    /// Between the CR and the LF of the blank line that ends the body.
    End,
}

impl Chunked {
    /// Returns how many of `bytes` belong to the body, and the position after them; `None` when the body has ended.
    pub(super) fn read(self, bytes: &[u8]) -> (usize, Option<Self>) {
        let (mut state, mut position) = (self, 0);
        while let Some(byte) = bytes.get(position) {
            if let Self::Bytes(left) = state {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - position);
                let left = left - length as u64;
                state = if left == 0 { Self::BytesEnd } else { Self::Bytes(left) };
                position += length;
                continue;
            }
            position += 1;
            let Some(next) = state.next(*byte) else { return (position, None) };
            state = next;
        }
        (position, Some(state))
    }

    /// Returns the position after one byte outside the content of chunks; `None` when the body ends with it or is malformed.
    fn next(self, byte: u8) -> Option<Self> {
        let digit = char::from(byte).to_digit(16).map(u64::from);
        match (self, byte) {
            (Self::Start, _) => digit.map(Self::Size),
            (Self::Size(size) | Self::Extension(size), b'\r') => Some(Self::SizeEnd(size)),
            (Self::Size(size), b';' | b' ' | b'\t') | (Self::Extension(size), b' '..=0xff | b'\t') => Some(Self::Extension(size)),
            (Self::Size(size), _) => Some(Self::Size(size.checked_mul(16)?.checked_add(digit?)?)),
            (Self::SizeEnd(0) | Self::TrailerEnd, b'\n') => Some(Self::Last),
            (Self::SizeEnd(size), b'\n') => Some(Self::Bytes(size)),
            (Self::BytesEnd, b'\r') => Some(Self::BytesLineEnd),
            (Self::BytesLineEnd, b'\n') => Some(Self::Start),
            (Self::Last, b'\r') => Some(Self::End),
            (Self::Trailer, b'\r') => Some(Self::TrailerEnd),
            (Self::Last | Self::Trailer, _) => Some(Self::Trailer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `bytes` in pieces of one size. Returns the length of the body, or `None` when it does not end.
    fn length(bytes: &[u8], piece: usize) -> Option<usize> {
        let (mut state, mut read) = (Chunked::Start, 0);
        for piece in bytes.chunks(piece) {
            let (length, next) = state.read(piece);
            read += length;
            match next {
                Some(next) => {
                    assert_eq!(length, piece.len());
                    state = next;
                }
                None => return Some(read),
            }
        }
        None
    }

    #[test]
    fn a_chunked_body_ends_at_the_same_byte_in_whatever_pieces_it_comes() {
        let bodies = [
            "0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "2;a=b\r\n\r\n\r\n0\r\n\r\n",
            "1A \t;x\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n0\r\n\r\n0\r\nX: y\r\nZ: \n\r\n\r\n",
            "00\r\n\r\n",
        ];
        for body in bodies {
            let sent = format!("{body}GET / HTTP/1.1\r\n\r\n");
            for piece in 1..=sent.len() {
                assert_eq!(length(sent.as_bytes(), piece), Some(body.len()), "{body:?} by {piece}");
                assert_eq!(length(&body.as_bytes()[..body.len() - 1], piece), None, "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_malformed_chunked_body_ends_where_it_is_malformed() {
        let bodies = [
            ("x", 1),
            ("\r\n", 1),
            ("2x", 2),
            ("2\n", 2),
            ("2;\n", 3),
            ("2\rx", 3),
            ("2\r\n{}x", 6),
            ("2\r\n{}\rx", 7),
            ("0\r\n\rx", 5),
            ("0\r\na\rx", 6),
            ("11111111111111111", 17),
        ];
        for (body, end) in bodies {
            for piece in 1..=body.len() + 9 {
                assert_eq!(length(format!("{body}GET / HTT").as_bytes(), piece), Some(end), "{body:?} by {piece}");
            }
        }
    }
}
