package io.github.oft4j;

/**
 * How a block {@code R} follows from its skew-symmetric {@code Q}. The first one turns the other
 * way than the other two for the same {@code Q}: a file's formula is part of its meaning.
 */
public enum Formula {
  /** {@code R = (I - Q)(I + Q)⁻¹}, orthogonal to rounding. */
  CAYLEY("cayley"),
  /** PEFT 0.18 and later: {@code R = I + 2Q + ... + 2Qⁿ⁻² + Qⁿ⁻¹} for {@code n} terms. */
  CAYLEY_NEUMANN("cayley_neumann"),
  /** PEFT 0.16 and 0.17: {@code R = I + 2Q + ... + 2Qⁿ⁻¹} for {@code n} terms. */
  CAYLEY_NEUMANN_LEGACY("cayley_neumann_0.16");

  private final String jsonName;

  Formula(String jsonName) {
    this.jsonName = jsonName;
  }

  String jsonName() {
    return jsonName;
  }

  static Formula ofJsonName(String name) {
    for (Formula formula : values()) {
      if (formula.jsonName.equals(name)) {
        return formula;
      }
    }
    throw new OFTInternalException("liboft reports an unknown formula: '" + name + "'");
  }
}
