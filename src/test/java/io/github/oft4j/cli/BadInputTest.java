package io.github.oft4j.cli;

import static io.github.oft4j.cli.MergeFixture.BLOCK;
import static io.github.oft4j.cli.MergeFixture.BLOCK_PARAMETERS;
import static io.github.oft4j.cli.MergeFixture.FEATURES;
import static io.github.oft4j.cli.MergeFixture.ROTATION_KEY;
import static io.github.oft4j.cli.MergeFixture.config;
import static io.github.oft4j.cli.MergeFixture.floats;
import static io.github.oft4j.cli.MergeFixture.header;
import static io.github.oft4j.cli.MergeFixture.safetensors;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad input is one clear line, the right exit code, and nothing left behind. */
class BadInputTest {
  private static final int BASE_BYTES = FEATURES * FEATURES * Float.BYTES;

  @TempDir Path folder;

  /** One thing wrong with a job. */
  record Case(String name, ExitCode exit, String message, Spoiler spoiler, String... options) {
    @Override
    public String toString() {
      return name;
    }
  }

  interface Spoiler {
    void spoil(MergeFixture job) throws IOException;
  }

  static Stream<Case> cases() {
    return Stream.of(checkpoints(), adapters(), targets()).flatMap(list -> list);
  }

  private static Case bad(String name, String message, Spoiler spoiler, String... options) {
    return new Case(name, ExitCode.BAD_INPUT, message, spoiler, options);
  }

  private static Case badHeader(String name, String message, String header) {
    return bad(name, message, job -> job.writeBase(header, floats(FEATURES * FEATURES)));
  }

  private static Stream<Case> checkpoints() {
    return Stream.of(
        bad("no base", "no such file", job -> Files.delete(job.base)),
        bad("empty base", "has 0 bytes", job -> Files.write(job.base, new byte[0])),
        bad("truncated header", "truncated", job -> truncate(job.base, 40)),
        bad(
            "truncated data",
            "truncated",
            job -> truncate(job.base, (int) Files.size(job.base) - 1)),
        bad("bytes after the data", "holds 257", job -> append(job.base)),
        bad(
            "header longer than the file",
            "claims a header of",
            job -> setHeaderSize(job.base, (byte) 1)),
        bad(
            "absurd header size",
            "more than the 100000000 allowed",
            job -> setHeaderSize(job.base, (byte) 0x7f)),
        badHeader("header not JSON", "not valid JSON", "{\"fc.weight\": nonsense}"),
        badHeader("header not an object", "does not begin with '{'", "[]"),
        bad(
            "header not UTF-8",
            "UTF-8",
            job ->
                Files.write(
                    job.base,
                    safetensors(
                        header("fc\u00ff.weight", "F32", FEATURES, FEATURES)
                            .getBytes(StandardCharsets.ISO_8859_1),
                        floats(FEATURES * FEATURES)))),
        badHeader("duplicate keys", "fc.weight", twoTensors("fc.weight", 0, "fc.weight", 128)),
        badHeader("overlapping offsets", "overlap", twoTensors("fc.weight", 0, "fc.bias", 64)),
        badHeader(
            "a hole between tensors",
            "belong to no tensor",
            twoTensors("fc.weight", 0, "fc.bias", 192)),
        badHeader(
            "offsets out of range", "1048576", twoTensors("fc.weight", 0, "fc.bias", 1 << 20)),
        badHeader(
            "no dtype",
            "dtype",
            "{\"fc.weight\": {\"shape\": [8, 8], \"data_offsets\": [0, 256]}}"),
        badHeader("unknown dtype", "F33", header("fc.weight", "F33", FEATURES, FEATURES)),
        badHeader("a weight of integers", "fc", header("fc.weight", "I32", FEATURES, FEATURES)),
        badHeader(
            "shape and bytes disagree",
            "fc.weight",
            header("fc.weight", "F32", FEATURES, FEATURES).replace("[8, 8]", "[8, 9]")),
        badHeader(
            "a negative dimension",
            "fc.weight",
            header("fc.weight", "F32", FEATURES, FEATURES).replace("[8, 8]", "[-8, -8]")),
        badHeader(
            "a weight of one dimension",
            "fc",
            header("fc.weight", "F32", FEATURES, FEATURES).replace("[8, 8]", "[64]")),
        bad(
            "a folder without a model",
            "looked for model.safetensors",
            job -> Files.delete(job.baseAsFolder().resolve("model.safetensors"))),
        bad(
            "an index whose shard is missing",
            "model-00002-of-00002.safetensors",
            BadInputTest::loseShard),
        bad(
            "an index that is not JSON",
            "index.json",
            job ->
                Files.writeString(
                    job.baseAsFolder().resolve("model.safetensors.index.json"), "{")));
  }

  private static Stream<Case> adapters() {
    return Stream.of(
        bad(
            "no adapter",
            "no such file or folder",
            job -> job.adapter = job.folder.resolve("elsewhere")),
        bad(
            "no adapter_config.json",
            "adapter_config.json",
            job -> Files.delete(job.adapter.resolve("adapter_config.json"))),
        bad("no tensors of the adapter", "adapter_model", job -> Files.delete(job.rotations())),
        bad(
            "an adapter_config.json that is not JSON",
            "adapter_config.json",
            job -> job.writeConfig("{\"peft_type\"")),
        bad("another method", "LORA", job -> job.writeConfig("{\"peft_type\": \"LORA\"}")),
        bad(
            "a config value out of range",
            "oft_block_size",
            job ->
                job.writeConfig(
                    config("fc").replace("\"oft_block_size\": 4", "\"oft_block_size\": -4"))),
        bad("an empty adapter", "holds no rotation", job -> job.writeRotations("{}", new byte[0])),
        bad("an adapter for another model", "layers.0.q_proj", BadInputTest::renameLayer),
        bad(
            "parameters of integers",
            "fc",
            job ->
                job.writeRotations(
                    header(ROTATION_KEY, "I32", 2, BLOCK_PARAMETERS),
                    floats(2 * BLOCK_PARAMETERS))),
        bad(
            "parameters of no block size",
            "fc",
            job -> job.writeRotations(header(ROTATION_KEY, "F32", 2, 5), floats(10))),
        bad(
            "too few blocks",
            "fc",
            job ->
                job.writeRotations(
                    header(ROTATION_KEY, "F32", 1, BLOCK_PARAMETERS), floats(BLOCK_PARAMETERS))),
        bad(
            "too many blocks",
            "fc",
            job ->
                job.writeRotations(
                    header(ROTATION_KEY, "F32", 3, BLOCK_PARAMETERS),
                    floats(3 * BLOCK_PARAMETERS))),
        bad("a block size that does not fit", "fc", BadInputTest::changeFeatures),
        bad(
            "a config for other blocks",
            "oft_block_size",
            job ->
                job.writeConfig(
                    config("fc").replace("\"oft_block_size\": 4", "\"oft_block_size\": 2"))),
        bad("an unused key", "stray", BadInputTest::addStrayTensor),
        bad("NaN in safe mode", "fc", BadInputTest::putNaN, "--safe"),
        bad("a truncated adapter", "truncated", job -> truncate(job.rotations(), 100)));
  }

  private static Stream<Case> targets() {
    return Stream.of(
        bad(
            "the target is the base",
            "the target is the source",
            job -> job.target = job.base,
            "--force"),
        bad(
            "the target is the base by another name",
            "the target is the source",
            job -> job.target = job.folder.resolve("adapter/../base.safetensors"),
            "--force"),
        bad(
            "the target is a link to the base",
            "the target is the source",
            job -> Files.createSymbolicLink(job.target, job.base),
            "--force"),
        bad(
            "the target is the adapter",
            "inside the other",
            job -> job.target = job.rotations(),
            "--force"),
        bad("the target exists", "force", job -> Files.writeString(job.target, "precious")),
        bad(
            "the target is a folder",
            "is a folder",
            job -> Files.createDirectory(job.target),
            "--force"),
        bad(
            "the target lies in the base",
            "inside the other",
            job -> job.target = job.baseAsFolder().resolve("merged")),
        new Case(
            "a target whose folder is missing",
            ExitCode.IO,
            "cannot be created",
            job -> job.target = job.folder.resolve("none/merged.safetensors")),
        new Case(
            "a target below a file",
            ExitCode.IO,
            "cannot be created",
            job ->
                job.target =
                    Files.writeString(job.folder.resolve("note"), "").resolve("x.safetensors")),
        new Case(
            "a target where nobody may write",
            ExitCode.IO,
            "/proc",
            job -> job.target = Path.of("/proc/merged.safetensors")),
        bad("a device that does not exist", "cuda:99", _ -> {}, "--device", "cuda:99"));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isOneLineAndLeavesNothing(Case bad) throws IOException {
    var job = new MergeFixture(folder);
    bad.spoiler.spoil(job);
    var before = job.snapshot();
    String failure = job.merge(bad.options).expect(bad.exit).failure("oft merge");
    assertTrue(failure.contains(bad.message), failure);
    assertEquals(before, job.snapshot());

    String[] withJson = Arrays.copyOf(bad.options, bad.options.length + 1);
    withJson[bad.options.length] = "--json";
    var error = job.merge(withJson).expect(bad.exit).json().path("error");
    assertEquals(bad.exit.code(), error.path("exit_code").asInt());
    assertEquals(failure, error.path("message").asText());
    assertEquals(before, job.snapshot());
  }

  private static void truncate(Path file, int size) throws IOException {
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), size));
  }

  private static void append(Path file) throws IOException {
    truncate(file, (int) Files.size(file) + 1);
  }

  private static void setHeaderSize(Path file, byte highest) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[highest == 1 ? 3 : 7] = highest;
    Files.write(file, bytes);
  }

  /** Two F32 tensors of 32 elements each, at offsets of bytes. */
  private static String twoTensors(String first, int firstBegin, String second, int secondBegin) {
    String tensor = "\"%s\": {\"dtype\": \"F32\", \"shape\": [4, 8], \"data_offsets\": [%d, %d]}";
    int bytes = BASE_BYTES / 2;
    return "{%s, %s}"
        .formatted(
            tensor.formatted(first, firstBegin, firstBegin + bytes),
            tensor.formatted(second, secondBegin, secondBegin + bytes));
  }

  private static void loseShard(MergeFixture job) throws IOException {
    Path model = job.baseAsFolder();
    Files.move(
        model.resolve("model.safetensors"), model.resolve("model-00001-of-00002.safetensors"));
    Files.writeString(
        model.resolve("model.safetensors.index.json"),
        """
        {"weight_map": {"fc.weight": "model-00001-of-00002.safetensors",
                        "head.weight": "model-00002-of-00002.safetensors"}}
        """);
  }

  private static void renameLayer(MergeFixture job) throws IOException {
    job.writeConfig(config("q_proj"));
    job.writeRotations(
        header(
            "base_model.model.layers.0.q_proj.oft_R.weight",
            "F32",
            FEATURES / BLOCK,
            BLOCK_PARAMETERS),
        floats(FEATURES / BLOCK * BLOCK_PARAMETERS));
  }

  private static void changeFeatures(MergeFixture job) throws IOException {
    job.writeBase(header("fc.weight", "F32", FEATURES, 10), floats(FEATURES * 10));
  }

  static void addStrayTensor(MergeFixture job) throws IOException {
    int bytes = FEATURES / BLOCK * BLOCK_PARAMETERS * Float.BYTES;
    String stray =
        ", \"stray\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [%d, %d]}}"
            .formatted(bytes, bytes + Float.BYTES);
    String header = header(ROTATION_KEY, "F32", FEATURES / BLOCK, BLOCK_PARAMETERS);
    job.writeRotations(
        header.substring(0, header.length() - 1) + stray,
        floats(FEATURES / BLOCK * BLOCK_PARAMETERS + 1));
  }

  private static void putNaN(MergeFixture job) throws IOException {
    byte[] data = floats(FEATURES / BLOCK * BLOCK_PARAMETERS);
    Arrays.fill(data, 0, Float.BYTES, (byte) 0xff);
    job.writeRotations(header(ROTATION_KEY, "F32", FEATURES / BLOCK, BLOCK_PARAMETERS), data);
  }
}
