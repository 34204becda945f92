/**
 * The guard: no real person can be typed in here. Numbers outside the reserved space are refused before anything is
 * looked up, and nothing of them is kept, masked or not. 350299 is an area that was never given out; permits and the
 * foreigner's card are reserved by a birth in 1901.
 */

/** Of a normalised number. Says nothing of its check digit: a typing mistake inside the space is no real person. */
export function isReservedNumber(number: string): boolean {
  return /^350299\d{11}[\dX]$/.test(number) || /^(8[123]\d{4}|9\d{5})1901\d{7}[\dX]$/.test(number);
}

/** 154 is the segment of the test people and of the pool. */
export function isReservedMobile(mobile: string): boolean {
  return /^154\d{8}$/.test(mobile);
}

/** Names that can only be made up: 测试 in them, or TEST. */
export function isReservedName(name: string): boolean {
  return name.length <= 60 && /测试|TEST/.test(name);
}
