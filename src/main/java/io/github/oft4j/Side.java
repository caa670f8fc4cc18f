package io.github.oft4j;

/** Which dimension of a Linear's weight {@code [out, in]} a rotation turns. */
public enum Side {
  /** The input: {@code W' = W Rᵀ}. PEFT and OneTrainer. */
  INPUT("input"),
  /** The output: {@code W' = R W}. LyCORIS and kohya. */
  OUTPUT("output");

  private final String jsonName;

  Side(String jsonName) {
    this.jsonName = jsonName;
  }

  /**
   * The word for it in reports.
   *
   * @return {@code "input"} or {@code "output"}
   */
  public String jsonName() {
    return jsonName;
  }

  static Side ofJsonName(String name) {
    for (Side side : values()) {
      if (side.jsonName.equals(name)) {
        return side;
      }
    }
    throw new OFTInternalException("liboft reports an unknown side: '" + name + "'");
  }
}
