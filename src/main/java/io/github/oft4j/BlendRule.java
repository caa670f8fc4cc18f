package io.github.oft4j;

/** How the rotations of a layer by several adapters become one. */
public enum BlendRule {
  /**
   * {@code R = exp(Σ wᵢ log Rᵢ)}, block by block: a weight scales an adapter's angles, and
   * rotations that commute multiply.
   */
  GROUP("group"),
  /**
   * OrthoMerge (<a href="https://arxiv.org/abs/2602.05943">Yang et al. 2026</a>), for the exact
   * Cayley parameters {@code wᵢ Qᵢ} of n adapters: {@code Q = c/n Σ wᵢ Qᵢ} with {@code c = Σ ||wᵢ
   * Qᵢ||_F / ||Σ wᵢ Qᵢ||_F} over a layer, so that parts which point different ways keep their
   * strength.
   */
  ORTHO_MERGE("ortho_merge");

  private final String jsonName;

  BlendRule(String jsonName) {
    this.jsonName = jsonName;
  }

  String jsonName() {
    return jsonName;
  }

  static BlendRule ofJsonName(String name) {
    for (BlendRule rule : values()) {
      if (rule.jsonName.equals(name)) {
        return rule;
      }
    }
    throw new OFTInternalException("liboft reports an unknown rule: '" + name + "'");
  }
}
