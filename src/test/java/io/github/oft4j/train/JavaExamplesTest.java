package io.github.oft4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.AdapterFile;
import io.github.oft4j.DiffusionPipeline;
import io.github.oft4j.OFTConfig;
import io.github.oft4j.OFTModel;
import io.github.oft4j.OFTScope;
import io.github.oft4j.ScriptModule;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The programs in {@code examples/java} and in README.md, run as these tell. */
class JavaExamplesTest {
  private static final Path PROGRAMS = Path.of("examples/java");
  private static final Path DIGITS = Path.of("examples/digits");
  private static final int REQUESTS_EACH = 50;

  @TempDir Path folder;

  @Test
  void fineTunesTheDigits() throws Exception {
    String output = run("FineTune.java", DIGITS, folder);
    assertTrue(percent(output, "before") < 20, output);
    assertTrue(percent(output, "after") > 93, output);
    assertEquals(percent(output, "after"), percent(output, "merged"), output);
    assertTrue(Files.exists(folder.resolve("adapter/adapter_model.safetensors")));
    assertTrue(Files.exists(folder.resolve("merged.pt")));
  }

  @Test
  void adaptsStableDiffusion() throws Exception {
    Path pipeline = folder.resolve("base");
    DiffusionPipeline.write(pipeline);
    String output = run("StableDiffusion.java", DiffusionPipeline.MODELS, folder, pipeline);
    assertTrue(loss(output, "after") < 0.7 * loss(output, "before"), output);
    assertEquals(loss(output, "after"), loss(output, "merged"), 1e-4, output);
    assertTrue(output.contains("264 layers of the pipeline merged"), output);
    try (var scope = OFTScope.open()) {
      var merged = ScriptModule.load(scope, folder.resolve("unet.pt"));
      assertEquals(686, merged.parameters().size());
      for (String name : List.of("text_encoder", "unet")) {
        AdapterFile adapter = AdapterFile.load(scope, folder.resolve(name + "_adapter"));
        assertEquals(8, adapter.config().r());
      }
    }
  }

  @Test
  void servesEachRequestWithItsAdapter() throws Exception {
    Path other = another(folder.resolve("other"));
    Path requests = folder.resolve("requests.jsonl");
    List<String> images = Files.readAllLines(DIGITS.resolve("test.jsonl"));
    Files.write(requests, images.subList(0, REQUESTS_EACH));
    String output =
        run(
            "AdapterServer.java",
            "--self-test=" + requests,
            DIGITS.resolve("base.pt"),
            "turned=" + DIGITS.resolve("adapter"),
            "other=" + other);
    assertTrue(
        output.startsWith(
            3 * REQUESTS_EACH + " concurrent requests for [, turned, other]: all answers are"),
        output);
  }

  @Test
  void runsTheReadmesProgramAsPasted() throws Exception {
    var program =
        Pattern.compile("```java\n(import .*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of("README.md")));
    assertTrue(program.find());
    Files.writeString(folder.resolve("Adapt.java"), program.group(1));
    Files.createSymbolicLink(folder.resolve("examples"), Path.of("examples").toAbsolutePath());
    finish(JavaProcess.startIn(folder, "Adapt.java"));
    try (var scope = OFTScope.open()) {
      var merged = ScriptModule.load(scope, folder.resolve("merged.pt"));
      assertEquals(64, merged.parameter("fc1.weight").shape()[1]);
      assertEquals(2, AdapterFile.load(scope, folder.resolve("adapter")).layers().size());
    }
  }

  /** An adapter with rotations of its own. */
  private static Path another(Path target) {
    try (var scope = OFTScope.open()) {
      var base = ScriptModule.load(scope, DIGITS.resolve("base.pt"));
      var config = OFTConfig.builder().allLinear().oftBlockSize(16).initWeights(false);
      OFTModel.create(base, config.build()).savePretrained(target);
    }
    return target;
  }

  private static String run(String program, Object... args) throws Exception {
    return finish(JavaProcess.start(PROGRAMS.resolve(program).toString(), args));
  }

  private static String finish(Process process) throws Exception {
    var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    return output;
  }

  private static double percent(String output, String label) {
    return number(output, label + " +([\\d.]+) %");
  }

  private static double loss(String output, String label) {
    return number(output, label + " +loss ([\\d.]+)");
  }

  /** The group in the one line that matches. */
  private static double number(String output, String regex) {
    var line = Pattern.compile("^" + regex + "$", Pattern.MULTILINE).matcher(output);
    assertTrue(line.find(), output);
    return Double.parseDouble(line.group(1));
  }
}
