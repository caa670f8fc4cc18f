package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;

/** How an adapter's configuration reads in one line. */
final class AdapterText {
  private AdapterText() {}

  /** For example "Cayley–Neumann with 5 terms, COFT eps 6e-05, shared blocks". */
  static String formula(JsonNode config) {
    var text = new StringBuilder();
    text.append(
        config.path("use_cayley_neumann").asBoolean()
            ? "Cayley–Neumann with "
                + Figures.count(config.path("num_cayley_neumann_terms").asLong(), "term")
            : "exact Cayley");
    if (config.path("coft").asBoolean()) {
      text.append(", COFT eps ").append(config.path("eps").asText());
    }
    if (config.path("block_share").asBoolean()) {
      text.append(", one block shared by all");
    }
    return text.toString();
  }
}
