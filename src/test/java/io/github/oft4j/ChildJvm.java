package io.github.oft4j;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A Java process with these classes on its class path, for what happens once in a process. */
final class ChildJvm {
  /** How it ended, and what it printed on both streams. */
  record Result(int exitCode, String output) {}

  private final List<String> options = new ArrayList<>();
  private final List<String> classPath = new ArrayList<>();
  private final Map<String, String> environment;
  private final ProcessBuilder builder = new ProcessBuilder();

  ChildJvm() {
    environment = builder.environment();
    environment.keySet().removeAll(List.of("OFT4J_LIBRARY", "LIBTORCH", "LD_LIBRARY_PATH"));
    for (Class<?> type :
        List.of(
            OFT.class, ChildJvm.class, ObjectMapper.class, JsonFactory.class, JsonCreator.class)) {
      classPath.add(location(type));
    }
  }

  ChildJvm option(String option) {
    options.add(option);
    return this;
  }

  ChildJvm classPath(Path jar) {
    classPath.add(jar.toString());
    return this;
  }

  ChildJvm classPath(Class<?> type) {
    classPath.add(location(type));
    return this;
  }

  ChildJvm variable(String name, String value) {
    environment.put(name, value);
    return this;
  }

  Result run(Class<?> main, String... arguments) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.addAll(List.of("-cp", String.join(File.pathSeparator, classPath), main.getName()));
    command.addAll(List.of(arguments));
    Process process = builder.command(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.onExit().join().exitValue(), output);
  }

  private static String location(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
