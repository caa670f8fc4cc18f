package io.github.oft4j.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.OFTConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** An {@link OFTConfig} from a file and options, which are spelled as PEFT spells its keys. */
final class ConfigOptions {
  private static final String ALL_LINEAR = "all-linear";

  @Option(
      names = "--config",
      paramLabel = "FILE.json",
      description = {
        "The configuration, in the form of PEFT's adapter_config.json;",
        "the next options change it."
      })
  private Path file;

  @Option(
      names = "--target_modules",
      paramLabel = "NAMES",
      split = ",",
      description = "Layers to rotate: paths or their last parts, or all-linear.")
  private List<String> targetModules;

  @Option(
      names = "--exclude_modules",
      paramLabel = "NAMES",
      split = ",",
      description = "Layers to leave alone.")
  private List<String> excludeModules;

  @Option(
      names = "--modules_to_save",
      paramLabel = "NAMES",
      split = ",",
      description = "Modules to train and save as a whole.")
  private List<String> modulesToSave;

  @Option(names = "--oft_block_size", paramLabel = "B", description = "Edge of a block.")
  private Long blockSize;

  @Option(names = "--r", paramLabel = "R", description = "Blocks of each layer; default: 8.")
  private Long blocks;

  @Option(names = "--coft", description = "Constrain rotations to --eps.")
  private boolean coft;

  @Option(names = "--eps", paramLabel = "X", description = "Bound for --coft; default: 6e-5.")
  private Double eps;

  @Option(names = "--block_share", description = "Blocks of a layer share their parameters.")
  private boolean blockShare;

  @Option(
      names = "--module_dropout",
      paramLabel = "P",
      description = "How often a block is left out in training; default: 0.")
  private Double moduleDropout;

  @Option(
      names = "--bias",
      paramLabel = "WHICH",
      description = "Biases to train: none, all or oft_only; default: none.")
  private String bias;

  @Option(
      names = "--use_cayley_neumann",
      description = "Approximate the Cayley transform, as PEFT does by default.")
  private boolean useCayleyNeumann;

  @Option(
      names = "--num_cayley_neumann_terms",
      paramLabel = "N",
      description = "Terms of the approximation; default: 5.")
  private Integer terms;

  /** The configuration that the options describe, validated. */
  OFTConfig config() throws CliException {
    ObjectNode keys = file == null ? new ObjectMapper().createObjectNode() : read(file);
    if (targetModules != null) {
      if (targetModules.equals(List.of(ALL_LINEAR))) {
        keys.put("target_modules", ALL_LINEAR);
      } else {
        putNames(keys, "target_modules", targetModules);
      }
    }
    putNames(keys, "exclude_modules", excludeModules);
    putNames(keys, "modules_to_save", modulesToSave);
    putSize(keys);
    put(keys, "eps", eps);
    put(keys, "module_dropout", moduleDropout);
    put(keys, "bias", bias);
    put(keys, "num_cayley_neumann_terms", terms);
    put(keys, "coft", coft ? true : null);
    put(keys, "block_share", blockShare ? true : null);
    put(keys, "use_cayley_neumann", useCayleyNeumann ? true : null);
    return OFTConfig.parse(keys.toString());
  }

  /** Number and size of blocks exclude each other, and the file may hold the other one. */
  private void putSize(ObjectNode keys) {
    if (blocks != null || blockSize != null) {
      keys.remove(List.of("r", "oft_block_size"));
    }
    put(keys, "r", blocks);
    put(keys, "oft_block_size", blockSize);
  }

  private static void put(ObjectNode keys, String key, Object value) {
    if (value != null) {
      keys.putPOJO(key, value);
    }
  }

  private static void putNames(ObjectNode keys, String key, List<String> names) {
    if (names != null) {
      names.forEach(keys.putArray(key)::add);
    }
  }

  private static ObjectNode read(Path file) throws CliException {
    try {
      JsonNode document = new ObjectMapper().readTree(Files.readString(file));
      if (document instanceof ObjectNode object) {
        return object;
      }
      throw new CliException(
          ExitCode.BAD_INPUT, file + " is no configuration: it must hold one JSON object");
    } catch (JsonProcessingException e) {
      throw new CliException(
          ExitCode.BAD_INPUT, file + " is not valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw CliException.unreadable(file, e);
    }
  }
}
