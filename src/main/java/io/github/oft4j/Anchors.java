package io.github.oft4j;

/** Two things that must stay reachable; a tree, so that joining them costs no copy. */
record Anchors(Object first, Object second) {

  /** What keeps both reachable, either of which may be null. */
  static Object join(Object first, Object second) {
    if (second == null || second == first) {
      return first;
    }
    return first == null ? second : new Anchors(first, second);
  }
}
