package io.github.oft4j.internal;

/**
 * What the user asked for by a system property, or by an environment variable.
 *
 * @param source for messages
 * @param value not empty
 */
record Setting(String source, String value) {

  /** The property, else the variable; null where neither is set. */
  static Setting find(String property, String variable) {
    String value = System.getProperty(property);
    if (value != null && !value.isEmpty()) {
      return new Setting("property " + property, value);
    }
    value = System.getenv(variable);
    if (value != null && !value.isEmpty()) {
      return new Setting("environment " + variable, value);
    }
    return null;
  }

  @Override
  public String toString() {
    return source + "=" + value;
  }
}
