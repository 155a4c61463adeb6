// The signature of a v1 request: SHA-1 over the bytes of body, API key and the digits of the time, in hexadecimal.
//
// The browser's own SHA-1 is there on secure origins only, and the page is read over plain HTTP too.

export function sha1(bytes) {
  const words = padded(bytes);
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const schedule = new Int32Array(80);
  for (let block = 0; block < words.length; block += 16) {
    for (let i = 0; i < 80; i++) {
      schedule[i] =
        i < 16
          ? words[block + i]
          : rotated(schedule[i - 3] ^ schedule[i - 8] ^ schedule[i - 14] ^ schedule[i - 16], 1);
    }
    let [a, b, c, d, e] = state;
    for (let i = 0; i < 80; i++) {
      const [mixed, constant] = round(i, b, c, d);
      const next = (rotated(a, 5) + mixed + e + constant + schedule[i]) | 0;
      [e, d, c, b, a] = [d, c, rotated(b, 30), a, next];
    }
    [a, b, c, d, e].forEach((value, at) => (state[at] = (state[at] + value) | 0));
  }
  return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

export function sign(body, apiKey, time) {
  return sha1(new TextEncoder().encode(body + apiKey + time));
}

function round(i, b, c, d) {
  if (i < 20) return [(b & c) | (~b & d), 0x5a827999];
  if (i < 40) return [b ^ c ^ d, 0x6ed9eba1];
  if (i < 60) return [(b & c) | (b & d) | (c & d), 0x8f1bbcdc];
  return [b ^ c ^ d, 0xca62c1d6];
}

function rotated(word, by) {
  return (word << by) | (word >>> (32 - by));
}

// Blocks of sixteen big-endian words: the bytes, a one bit, zeros, and the number of bits in the last two words.
function padded(bytes) {
  const words = new Int32Array((((bytes.length + 8) >> 6) + 1) << 4);
  bytes.forEach((byte, at) => (words[at >> 2] |= byte << (24 - 8 * (at & 3))));
  words[bytes.length >> 2] |= 0x80 << (24 - 8 * (bytes.length & 3));
  words[words.length - 2] = Math.floor(bytes.length / 2 ** 29);
  words[words.length - 1] = bytes.length << 3;
  return words;
}
