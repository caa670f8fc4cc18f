package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickstartCommandTest {
  private static final String HOME = "oft4j.home";

  @TempDir Path folder;

  @AfterEach
  void forgetHome() {
    System.clearProperty(HOME);
  }

  @Test
  void trainsAndMergesAndTheDigitsAreRecognised() {
    System.setProperty(HOME, Path.of("").toAbsolutePath().toString());
    Path out = folder.resolve("out");
    CliRun run = CliRun.of("quickstart", "--out", out).expect(ExitCode.DONE);
    assertTrue(run.out().contains("\n$ ./oft train examples/digits/base.pt "), run.out());
    assertTrue(run.out().contains("\n$ ./oft check examples/digits/base "), run.out());
    assertTrue(run.out().contains("\n$ ./oft merge examples/digits/base "), run.out());
    assertTrue(run.out().contains("verification   passed: 2 layers"), run.out());
    double adapted = percent(run, "base.pt with the adapter");
    assertTrue(percent(run, "base.pt") < 30, run.out());
    assertTrue(adapted > 93, run.out());
    assertEquals(adapted, percent(run, "merged.pt"), run.out());
    assertEquals(adapted, percent(run, "merged/model.safetensors, by plain Java"), run.out());
    assertEquals(97.0, percent(run, "base.pt with an adapter that PEFT trained"), run.out());
    for (String layer : List.of("fc1", "fc2")) {
      var line = Pattern.compile("32,640 angles in " + layer + " +differ by at most ([\\d.]+)°");
      assertTrue(figure(run, line) < 1e-4, run.out());
    }
    for (String picture : List.of("training.svg", "check.svg")) {
      assertTrue(Files.exists(out.resolve(picture)), picture);
    }

    CliRun.of("quickstart", "--out", out).expect(ExitCode.DONE); // a second time, too
  }

  @Test
  void saysWhereTheDataIs() {
    CliRun run = CliRun.of("quickstart", "--out", folder).expect(ExitCode.BAD_INPUT);
    assertTrue(run.failure("oft quickstart").contains("./oft quickstart"));
  }

  private static double percent(CliRun run, String model) {
    return figure(run, Pattern.compile("\n  " + Pattern.quote(model) + " +([\\d.]+) %"));
  }

  private static double figure(CliRun run, Pattern line) {
    var found = line.matcher(run.out());
    assertTrue(found.find(), run.out());
    return Double.parseDouble(found.group(1));
  }
}
