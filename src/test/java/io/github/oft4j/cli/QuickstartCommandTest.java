package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
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
  void mergesTheDigitsAndTheyAreRecognised() {
    System.setProperty(HOME, Path.of("").toAbsolutePath().toString());
    Path out = folder.resolve("out");
    CliRun run = CliRun.of("quickstart", "--out", out).expect(ExitCode.DONE);
    assertEquals("", run.err());
    assertTrue(run.out().contains("\n$ ./oft info examples/digits/adapter\n"), run.out());
    assertTrue(run.out().contains("\n$ ./oft merge examples/digits/base "), run.out());
    assertTrue(run.out().contains("verification   passed: 2 layers"), run.out());
    assertTrue(percent(run, "base") < 30, run.out());
    assertTrue(percent(run, "merged") > 90, run.out());
    assertTrue(Files.exists(out.resolve("merged/model.safetensors")));
    assertTrue(Files.exists(out.resolve("check.svg")));

    CliRun.of("quickstart", "--out", out).expect(ExitCode.DONE); // a second time, too
  }

  @Test
  void saysWhereTheDataIs() {
    CliRun run = CliRun.of("quickstart", "--out", folder).expect(ExitCode.BAD_INPUT);
    assertTrue(run.failure("oft quickstart").contains("./oft quickstart"));
  }

  private static double percent(CliRun run, String model) {
    var line = Pattern.compile("recognised by the " + model + " model +([\\d.]+) %");
    var found = line.matcher(run.out());
    assertTrue(found.find(), run.out());
    return Double.parseDouble(found.group(1));
  }
}
