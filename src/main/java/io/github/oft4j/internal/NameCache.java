package io.github.oft4j.internal;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The bytes of short names that came lately: those of operators and methods come again and again.
 */
final class NameCache {
  private static final int NAMES = 32;
  private static final int LENGTH = 64;

  private final MemorySegment memory = Arena.ofAuto().allocate(NAMES * LENGTH);
  private final String[] names = new String[NAMES];
  private final Call.Text[] texts = new Call.Text[NAMES];

  /** Valid until another name takes its place; null where it is long or not ASCII. */
  Call.Text find(String name) {
    int place = place(name);
    return name.equals(names[place]) ? texts[place] : encode(name, place);
  }

  private Call.Text encode(String name, int place) {
    int length = name.length();
    if (length > LENGTH || !name.chars().allMatch(character -> character < 0x80)) {
      return null;
    }
    MemorySegment data = memory.asSlice((long) place * LENGTH, LENGTH);
    for (int i = 0; i < length; i++) {
      data.set(JAVA_BYTE, i, (byte) name.charAt(i));
    }
    names[place] = name;
    texts[place] = new Call.Text(data, length);
    return texts[place];
  }

  private static int place(String name) {
    int hash = name.hashCode();
    return (hash ^ hash >>> 16) & (NAMES - 1);
  }
}
