package io.github.oft4j;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.oft4j.internal.Json;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The models of {@code examples/diffusion} as a pipeline of diffusers, in safetensors. */
public final class DiffusionPipeline {
  /** Holds {@code text_encoder.pt} and {@code unet.pt}. */
  public static final Path MODELS = Path.of("examples/diffusion");

  private DiffusionPipeline() {}

  /**
   * Writes it. Of the parts that a merge only carries along it holds one.
   *
   * @param folder new
   */
  public static void write(Path folder) throws IOException {
    Files.createDirectories(folder.resolve("scheduler"));
    Files.writeString(
        folder.resolve("model_index.json"),
        """
        {
          "_class_name": "StableDiffusionPipeline",
          "scheduler": ["diffusers", "DDIMScheduler"],
          "text_encoder": ["transformers", "CLIPTextModel"],
          "unet": ["diffusers", "UNet2DConditionModel"]
        }
        """);
    Files.writeString(folder.resolve("scheduler/scheduler_config.json"), "{}\n");
    writeComponent("text_encoder", folder.resolve("text_encoder"), "model.safetensors");
    writeComponent("unet", folder.resolve("unet"), "diffusion_pytorch_model.safetensors");
  }

  private static void writeComponent(String name, Path folder, String file) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), "{}\n");
    try (var scope = OFTScope.open()) {
      writeParameters(ScriptModule.load(scope, MODELS.resolve(name + ".pt")), folder.resolve(file));
    }
  }

  /** All of the models' parameters are float16. */
  private static void writeParameters(ScriptModule module, Path file) throws IOException {
    ObjectNode header = Json.object();
    var data = new ByteArrayOutputStream();
    for (ParameterInfo parameter : module.parameters()) {
      ObjectNode entry = header.putObject(parameter.name());
      entry.put("dtype", "F16");
      var shape = entry.putArray("shape");
      parameter.shape().forEach(shape::add);
      var offsets = entry.putArray("data_offsets").add(data.size());
      Tensor values = module.parameter(parameter.name()).contiguous();
      data.writeBytes(values.segment().toArray(ValueLayout.JAVA_BYTE));
      offsets.add(data.size());
    }
    byte[] text = Json.text(header).getBytes(StandardCharsets.UTF_8);
    ByteBuffer size = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    try (var out = Files.newOutputStream(file)) {
      out.write(size.putLong(0, text.length).array());
      out.write(text);
      data.writeTo(out);
    }
  }
}
