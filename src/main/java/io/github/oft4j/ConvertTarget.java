package io.github.oft4j;

/** What an {@link AdapterConvert} writes. */
public enum ConvertTarget {
  /** A folder, as PEFT 0.18 and later read it. */
  PEFT("peft"),
  /** A folder, as PEFT 0.14 and 0.15 read it. */
  PEFT_LEGACY("peft-0.15"),
  /** A file for LyCORIS: diag-oft or BOFT. */
  LYCORIS("lycoris"),
  /** A folder with a LoRA of PEFT: a low-rank approximation of the change of each weight. */
  LORA("lora"),
  /** A file with the change of each weight, as LyCORIS has it ({@code diff}). */
  FULL("full");

  private final String jsonName;

  ConvertTarget(String jsonName) {
    this.jsonName = jsonName;
  }

  /**
   * The word for it on the command line and in JSON.
   *
   * @return for example {@code "peft-0.15"}
   */
  public String jsonName() {
    return jsonName;
  }

  static ConvertTarget ofJsonName(String name) {
    for (ConvertTarget target : values()) {
      if (target.jsonName.equals(name)) {
        return target;
      }
    }
    throw new OFTInternalException("liboft reports an unknown target: '" + name + "'");
  }
}
