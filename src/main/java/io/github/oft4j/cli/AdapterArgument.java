package io.github.oft4j.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.OFT;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * An adapter on a command line: {@code PATH}, or {@code COMPONENT=PATH} for one component of a
 * diffusers pipeline. A word that is the path of something that exists is that path.
 *
 * @param word as it was typed
 * @param component empty where none is named
 * @param path of the adapter
 */
record AdapterArgument(String word, String component, Path path) {

  /** Reads a word. */
  static final class Converter implements ITypeConverter<AdapterArgument> {
    @Override
    public AdapterArgument convert(String word) {
      int equals = word.indexOf('=');
      boolean isPath = equals < 0 || word.lastIndexOf('/', equals) >= 0;
      if (isPath || Files.exists(Path.of(word))) {
        return new AdapterArgument(word, "", Path.of(word));
      }
      String component = word.substring(0, equals);
      String path = word.substring(equals + 1);
      if (component.isBlank() || path.isBlank()) {
        throw new TypeConversionException(
            "'" + word + "' is no path; for a component of a pipeline write COMPONENT=PATH");
      }
      return new AdapterArgument(word, component, Path.of(path));
    }
  }

  boolean namesComponent() {
    return !component.isEmpty();
  }

  /** The model of a base that the adapter is for: the component, or the base itself. */
  Path modelOf(Path base) throws CliException {
    if (!namesComponent()) {
      return base;
    }
    JsonNode description = Documents.parse(OFT.describe(base));
    List<String> components =
        StreamSupport.stream(description.path("components").spliterator(), false)
            .map(item -> item.path("name").asText())
            .toList();
    if (components.isEmpty()) {
      throw new CliException(
          ExitCode.BAD_INPUT,
          "%s is no diffusers pipeline, so there is no component '%s'; leave the component out"
              .formatted(base, component));
    }
    if (!components.contains(component)) {
      throw new CliException(
          ExitCode.BAD_INPUT,
          "%s has no component '%s'; components with weights are %s"
              .formatted(
                  base,
                  component,
                  components.stream().collect(Collectors.joining("', '", "'", "'"))));
    }
    return base.resolve(component);
  }

  @Override
  public String toString() {
    return word;
  }
}
