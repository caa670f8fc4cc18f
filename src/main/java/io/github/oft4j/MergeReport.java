package io.github.oft4j;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.oft4j.internal.Json;
import java.util.List;

/**
 * What a {@link CheckpointMerge} did.
 *
 * @param layers the layers whose weights were rotated
 * @param orthogonalityError the worst {@code ||RᵀR - I||_F} of all layers; NaN where parameters are
 *     not finite
 * @param largestAngle the largest of all layers, radians; NaN likewise
 * @param replaced parameters taken from an adapter as they are
 * @param warnings what was odd, and gone on with
 * @param files the weight files written, by name
 * @param bytesRead bytes of tensors read
 * @param bytesWritten bytes of tensors written
 * @param seconds duration of the job
 * @param verified true where verification ran and every sample was within the tolerance
 * @param verifyTolerance the largest {@link MergedLayer#verifyError} that passes; 0 where
 *     verification did not run
 * @param json all of this as the JSON document of {@code liboft}
 */
public record MergeReport(
    List<MergedLayer> layers,
    double orthogonalityError,
    double largestAngle,
    List<String> replaced,
    List<String> warnings,
    List<String> files,
    long bytesRead,
    long bytesWritten,
    double seconds,
    boolean verified,
    double verifyTolerance,
    String json) {

  static MergeReport of(String text) {
    JsonNode json = Json.parse(text);
    return new MergeReport(
        Json.list(json.get("layers"), MergedLayer::of),
        Json.number(json.get("orthogonality_error")),
        Json.number(json.get("largest_angle")),
        Json.strings(json.get("replaced")),
        Json.strings(json.get("warnings")),
        Json.strings(json.get("files")),
        json.get("bytes_read").longValue(),
        json.get("bytes_written").longValue(),
        json.get("seconds").doubleValue(),
        json.get("verified").booleanValue(),
        json.get("verify_tolerance").doubleValue(),
        text);
  }
}
