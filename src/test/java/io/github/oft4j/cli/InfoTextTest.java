package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The documents that need a large library to be made; the others are read from real files. */
class InfoTextTest {
  @Test
  void tellsOfATorchScriptModule() {
    assertEquals(
        """
        m.pt: TorchScript module
          parameters     72 (288 B)
          methods        forward, encode

          module  class
          (root)  Encoder
          fc      Linear
        """,
        text(
            """
            {"type": "torchscript", "path": "m.pt", "parameters": 72, "bytes": 288,
             "methods": ["forward", "encode"],
             "modules": [{"name": "", "class": "Encoder"}, {"name": "fc", "class": "Linear"}]}
            """));
  }

  @Test
  void tellsOfAPipeline() {
    assertEquals(
        """
        sd: diffusers pipeline
          text_encoder   1,000 (2.0 KB); 12 Linear, 1 Embedding
          unet           2,000,000 (4.0 MB); 3 Conv2d
        """,
        text(
            """
            {"type": "pipeline", "path": "sd", "components": [
              {"name": "text_encoder", "parameters": 1000, "bytes": 2000,
               "layers": {"Linear": 12, "Embedding": 1}},
              {"name": "unet", "parameters": 2000000, "bytes": 4000000,
               "layers": {"Conv2d": 3}}]}
            """));
  }

  @Test
  void tellsOfTargetsInAllTheirForms() {
    assertTargets("[\"q_proj\", \"v_proj\"]", "q_proj, v_proj");
    assertTargets("\".*\\\\.q_proj\"", ".*\\.q_proj");
    assertTargets("null", "the defaults of the model's architecture");
    assertTargets(
        "[\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\"]",
        "a, b, c, d, e, f, g, h, … and 2 more");
  }

  private static void assertTargets(String json, String expected) {
    String text =
        text(
            """
            {"type": "adapter", "path": "a", "maker": "PEFT 0.21.0", "layers": [],
             "config": {"target_modules": %s}, "parameters": 0, "bytes": 0}
            """
                .formatted(json));
    String line = text.lines().filter(l -> l.startsWith("  targets")).findFirst().orElseThrow();
    assertEquals(expected, line.substring("  targets        ".length()));
  }

  private static String text(String document) {
    return new InfoText(false).of(Documents.parse(document));
  }
}
